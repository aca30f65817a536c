//! A TCP proxy in user space that holds every byte back for a fixed time, each way: a long wire on one machine.
//!
//! It has no limit of bandwidth and loses nothing, so what it adds to a call is its number of round trips and nothing
//! else.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Listens on a free loopback port and passes connections on to `to`; lives as long as the process.
pub fn start(to: u16, each_way: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // The far side's accept is a round trip too.
                std::thread::sleep(each_way * 2);
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
                for stream in [&near, &far] {
                    stream.set_nodelay(true).unwrap();
                }
                pass(near.try_clone().unwrap(), far.try_clone().unwrap(), each_way);
                pass(far, near, each_way);
            });
        }
    });
    port
}

/// One direction: a thread that reads and stamps, one that writes when the time has come.
fn pass(mut from: TcpStream, mut to: TcpStream, held: Duration) {
    let (sender, queue) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut block = vec![0; 64 * 1024];
        // An empty block is the end of the stream.
        loop {
            let n = from.read(&mut block).unwrap_or(0);
            if sender.send((Instant::now() + held, block[..n].to_vec())).is_err() || n == 0 {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, block) in queue {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if block.is_empty() || to.write_all(&block).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
