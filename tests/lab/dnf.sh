# Makes a host one of dnf: apt-get is gone, and so are sudo, logrotate and python3 but for dnf's own. Packages of their
# names, a slow one, and one with a library lie in a repository that nothing names yet, /srv/repository.
set -eu
# three times as fast as installing them
for package in /srv/dnf/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory=/
done
ldconfig
rm /usr/bin/apt-get

python=$(readlink /usr/bin/python3)
sed -i "1s|.*|#!/usr/bin/$python|" "$(readlink -f /usr/bin/dnf)"
mkdir -p /etc/rpm /etc/yum.repos.d
# as elsewhere, not in root's home
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros

cd "$(mktemp -d)"
dpkg --extract /srv/mirror/libpq5_*.deb .
cat > packages.spec << END
Name: packages
Version: 1
Release: 1
Summary: What a bootstrap asks for
License: none
AutoReqProv: no
%define debug_package %{nil}
%define __strip /bin/true
%description
%package -n python3
Summary: An interpreter
AutoReqProv: no
%description -n python3
%package -n sudo
Summary: Another user
AutoReqProv: no
%description -n sudo
%package -n logrotate
Summary: Fewer logs
AutoReqProv: no
%description -n logrotate
%package -n slow
Summary: Something that takes its time
AutoReqProv: no
Provides: /bin/sh
%description -n slow
%package -n postgresql-libs
Summary: A library, by whose name rpm finds it
AutoReq: no
%description -n postgresql-libs
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/sbin %{buildroot}/usr/lib64
ln -s $python %{buildroot}/usr/bin/python3
cp /usr/bin/sudo %{buildroot}/usr/bin
cp /usr/sbin/visudo /usr/sbin/logrotate %{buildroot}/usr/sbin
cp -P $PWD/usr/lib/*/libpq.so.5* %{buildroot}/usr/lib64
%post -n slow
touch /run/slow
sleep 4
%files -n python3
/usr/bin/python3
%files -n sudo
%attr(4755,root,root) /usr/bin/sudo
/usr/sbin/visudo
%files -n logrotate
/usr/sbin/logrotate
%files -n slow
%files -n postgresql-libs
/usr/lib64/libpq.so.5*
END
rpmbuild --quiet --define '_rpmdir /srv/repository' -bb packages.spec
createrepo_c --quiet /srv/repository
rm /usr/bin/python3 /usr/bin/sudo /usr/sbin/visudo /usr/sbin/logrotate
