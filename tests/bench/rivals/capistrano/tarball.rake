namespace :tarball do
  task :create_release do
    on release_roles :all do
      execute :mkdir, "-p", release_path
      upload! ENV.fetch("TARBALL"), "#{release_path}.tar.gz"
      execute :tar, "-xzf", "#{release_path}.tar.gz", "-C", release_path
      execute :rm, "#{release_path}.tar.gz"
    end
  end

  task :set_current_revision do
    set :current_revision, ENV.fetch("TARBALL")
  end
end
