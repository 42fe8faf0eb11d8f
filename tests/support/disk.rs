//! A disk that is easily full.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A small file system of its own below a sandbox; it goes with this value.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one at `path`. Takes root: nobody else mounts where other processes see it, and a test that did not run must not pass.
    #[track_caller]
    pub fn of(path: &Path, megabytes: u32) -> Self {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={megabytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(path).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        assert!(mounted, "NOT RUN: mounting a file system needs root");
        Self(path.to_owned())
    }

    /// Fills it with one file, up to the last `kilobytes`.
    pub fn fill(&self, file: &str, kilobytes: usize) {
        let mut stat = Command::new("stat");
        let seen = stat.args(["-f", "--format=%a %S"]).arg(&self.0).output();
        let seen = String::from_utf8(seen.unwrap().stdout).unwrap();
        let numbers: Vec<usize> = seen.split_whitespace().flat_map(str::parse).collect();
        let length = numbers[0] * numbers[1] - kilobytes * 1_024;
        fs::write(self.0.join(file), vec![0; length]).unwrap();
    }

    /// Fills it with one file while others write too.
    pub fn fill_up(&self, file: &str) {
        let mut filling = File::create(self.0.join(file)).unwrap();
        for size in [1 << 20, 4 << 10] {
            while filling.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .args(["--lazy"])
            .arg(&self.0)
            .status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}
