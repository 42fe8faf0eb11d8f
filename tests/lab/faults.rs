//! What goes wrong with a host, and how it is mended.

use super::{Host, host::DISK, script, switch::until_ready};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    time::Duration,
};

/// How a host's line is, in each direction.
#[derive(Clone, Copy, Default)]
pub struct Line {
    /// What a question and its answer take longer.
    pub round_trip: Duration,
    /// The part of the frames that gets lost, 0 to 1.
    pub loss: f64,
    /// Bytes a second; 0: as many as the machine can.
    pub rate: u64,
}

impl Host {
    /// Takes the cable out. Connections stay open, and silent.
    #[track_caller]
    pub fn cut(&self) {
        self.set_link("down");
    }

    /// Puts the cable in again.
    #[track_caller]
    pub fn reconnect(&self) {
        self.set_link("up");
    }

    /// Makes the line longer, worse or narrower than it is.
    #[track_caller]
    pub fn slow(&self, line: Line) {
        self.full_speed();
        let far = self.far_end();
        let near = format!("{far}-in");
        let port = &self.name;
        let ip = |words: &[&str]| self.switch.run(&[&["ip", "link"], words].concat());
        ip(&["add", "name", &near, "type", "veth", "peer", "name", &far]);
        ip(&["set", "dev", &far, "master", "switch", "up"]);
        ip(&["set", "dev", &near, "up"]);
        ip(&["set", "dev", port, "nomaster"]);
        let log = self.switch.path(&format!("{near}.log"));
        let mut child = self
            .switch
            .command(&["python3", &script("slow.py").display().to_string()])
            .args([port, &near])
            .arg((line.round_trip / 2).as_secs_f64().to_string())
            .arg(line.loss.to_string())
            .arg(line.rate.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        until_ready(&mut child, &log);
        *self.line.lock().unwrap() = Some(child);
    }

    /// How many round trips ssh has made over a line that isn't straight: the SYN counts as the first word of the one,
    /// and each time that the host speaks after that as an answer.
    #[track_caller]
    pub fn round_trips(&self) -> u64 {
        let mut line = self.line.lock().unwrap();
        let child = line.as_mut().expect("the line is straight");
        child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
        let mut count = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut count)
            .unwrap();
        count.trim().parse().unwrap()
    }

    /// Makes the line as it was.
    #[track_caller]
    pub fn full_speed(&self) {
        let Some(mut child) = self.line.lock().unwrap().take() else {
            return;
        };
        drop(child.stdin.take());
        child.wait().unwrap();
        let far = self.far_end();
        self.switch.run(&["ip", "link", "delete", "dev", &far]);
        self.switch
            .run(&["ip", "link", "set", "dev", &self.name, "master", "switch"]);
    }

    /// Fills the disk to the last byte, which costs no memory: it is made as small as what it holds.
    #[track_caller]
    pub fn full(&self) {
        // It may have grown since it was looked at, and is not made smaller than what it holds.
        let shrink = "for _ in $(seq 100); do
                          used=$(df --output=used --block-size=1 \"$1\" | tail -n 1)
                          mount -o remount,size=$used \"$1\" && exit 0
                      done; exit 1";
        self.switch.run(&["sh", "-c", shrink, "sh", &self.disk()]);
    }

    /// Makes room on the disk again.
    #[track_caller]
    pub fn make_room(&self) {
        let size = format!("remount,size={DISK}");
        self.switch.run(&["mount", "-o", &size, &self.disk()]);
    }

    /// Kills sshd, its connections too. What they started runs on. (systemd starts it again, as it does everywhere.)
    #[track_caller]
    pub fn kill_sshd(&self) {
        self.kill("pkill -KILL -x sshd");
    }

    /// Kills the sshd that takes connections; those it took stay.
    #[track_caller]
    pub fn kill_listener(&self) {
        self.kill("pkill -KILL --pidfile /run/sshd.pid");
    }

    /// Kills the connections; new ones are taken.
    #[track_caller]
    pub fn kill_sessions(&self) {
        // each is two processes: one that may do everything, one that has the connection
        self.kill("pgrep -x sshd | grep -vx \"$(cat /run/sshd.pid)\" | xargs -r kill -KILL");
    }

    /// Takes the power away and gives it back. Files are still there, processes are gone.
    #[track_caller]
    pub fn power_cycle(&self) {
        self.power_off();
        self.power_on();
    }

    /// Undoes every fault, and waits until the host is reachable.
    #[track_caller]
    pub fn heal(&self) {
        self.make_room();
        if !self.is_on() {
            self.power_on();
        }
        self.full_speed();
        self.reconnect();
        self.run(&["service", "ssh", "start"]);
        self.until_up();
    }

    fn set_link(&self, state: &str) {
        self.switch
            .run(&["ip", "link", "set", "dev", &self.name, state]);
    }

    fn kill(&self, command: &str) {
        let output = self.exec(&["sh", "-c", command]);
        // 1: there was none
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    }

    /// The switch's end of a line that isn't straight.
    fn far_end(&self) -> String {
        format!("{}-far", self.name)
    }
}
