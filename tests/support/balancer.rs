//! Several servers behind one address, and visitors who never stop.

use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often a server is asked whether it takes visitors.
const INTERVAL: Duration = Duration::from_millis(50);

/// Passes connections on to those of its servers that take them, in turn. It looks at each again and again, as balancers
/// do, and takes no request twice: one that was sent to a server which then ended is lost.
pub struct Balancer {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    port: u16,
}

/// A server behind a balancer.
pub struct Backend {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it is to get no more visitors.
    pub drained: Box<dyn Fn() -> bool + Send>,
}

impl Balancer {
    /// Listens on `port` of this machine.
    pub fn start(port: u16, backends: Vec<Backend>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let servers: Arc<Vec<(SocketAddr, AtomicBool)>> = Arc::new(
            backends
                .iter()
                .map(|backend| (backend.address, AtomicBool::new(false)))
                .collect(),
        );
        let mut threads = Vec::new();
        for (index, backend) in backends.into_iter().enumerate() {
            let (over, servers) = (Arc::clone(&over), Arc::clone(&servers));
            threads.push(thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let patience = Duration::from_secs(1);
                    let up = !(backend.drained)()
                        && TcpStream::connect_timeout(&backend.address, patience).is_ok();
                    servers[index].1.store(up, Ordering::Relaxed);
                    thread::sleep(INTERVAL);
                }
            }));
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let ends = Arc::clone(&over);
        threads.push(thread::spawn(move || {
            for (turn, visitor) in listener.incoming().enumerate() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let servers = Arc::clone(&servers);
                thread::spawn(move || visitor.and_then(|visitor| serve(visitor, &servers, turn)));
            }
        }));
        Self {
            over,
            threads,
            port,
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Connects a visitor with the first server that takes the connection.
fn serve(
    mut visitor: TcpStream,
    servers: &[(SocketAddr, AtomicBool)],
    turn: usize,
) -> io::Result<()> {
    let in_turn = servers.iter().cycle().skip(turn % servers.len());
    let up = in_turn
        .take(servers.len())
        .filter(|(_, up)| up.load(Ordering::Relaxed));
    let mut up = up;
    let Some(server) = up.find_map(|(address, _)| TcpStream::connect(address).ok()) else {
        return visitor.write_all(b"HTTP/1.0 503 Nobody is there\r\n\r\n");
    };
    let (mut from, mut to) = (visitor.try_clone()?, server.try_clone()?);
    let asks = thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write)
    });
    let answered = io::copy(&mut &server, &mut visitor);
    visitor.shutdown(Shutdown::Both).ok();
    asks.join().ok();
    answered.map(|_| ())
}

/// Three visitors of one address, who ask again and again until they are told to go.
pub struct Visitors {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Visitors {
    /// Of `port` on this machine.
    pub fn come(port: u16) -> Self {
        let (over, asked) = (Arc::default(), Arc::default());
        let visitor = |_| {
            let (over, asked): (Arc<AtomicBool>, Arc<AtomicUsize>) =
                (Arc::clone(&over), Arc::clone(&asked));
            thread::spawn(move || {
                let mut lost = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let answer = super::page(port);
                    lost.extend(answer.err().map(|error| error.to_string()));
                    asked.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(10));
                }
                lost
            })
        };
        let threads = (0..3).map(visitor).collect();
        Self {
            over,
            asked,
            threads,
        }
    }

    /// How many requests were made, none of which may be lost.
    #[track_caller]
    pub fn go(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        let lost: Vec<String> = self
            .threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        let asked = self.asked.load(Ordering::Relaxed);
        assert!(
            lost.is_empty(),
            "{} of {asked} requests lost: {:?}",
            lost.len(),
            &lost[..lost.len().min(5)]
        );
        asked
    }
}
