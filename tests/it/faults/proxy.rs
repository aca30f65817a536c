//! A TCP proxy on loopback that can stop forwarding without closing anything, and can be slow.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Gate {
    held: Mutex<bool>,
    changed: Condvar,
    /// Bytes a second in each direction; 0 is not a limit.
    rate: AtomicU64,
    over: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Gate {
    fn pass(&self) {
        let mut held = self.held.lock().unwrap();
        while *held && !self.over.load(Ordering::Relaxed) {
            held = self.changed.wait(held).unwrap();
        }
    }
}

/// The proxy; dropping it closes everything.
pub struct Proxy {
    pub port: u16,
    gate: Arc<Gate>,
}

impl Proxy {
    /// Forwards to a port of 127.0.0.1.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = Arc::new(Gate::default());
        let accept = gate.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                if accept.over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(("127.0.0.1", target))) else { continue };
                let mut streams = accept.streams.lock().unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to, gate) = (from.try_clone().unwrap(), to.try_clone().unwrap(), accept.clone());
                    streams.push(from.try_clone().unwrap());
                    std::thread::spawn(move || copy(from, to, &gate));
                }
            }
        });
        Proxy { port, gate }
    }

    /// From now on nothing is forwarded, and no close either: what a cut cable or a silent firewall is.
    pub fn hold(&self) {
        *self.gate.held.lock().unwrap() = true;
    }

    /// Forwards again, what was held back included.
    pub fn release(&self) {
        *self.gate.held.lock().unwrap() = false;
        self.gate.changed.notify_all();
    }

    /// Bytes a second in each direction.
    pub fn slow(&self, rate: u64) {
        self.gate.rate.store(rate, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.gate.over.store(true, Ordering::Relaxed);
        self.release();
        for stream in self.gate.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, gate: &Gate) {
    let mut block = [0_u8; 16 * 1024];
    loop {
        let rate = gate.rate.load(Ordering::Relaxed);
        let size = if rate == 0 { block.len() } else { 512 };
        let read = from.read(&mut block[..size]).unwrap_or(0);
        gate.pass();
        if read == 0 || to.write_all(&block[..read]).is_err() {
            break;
        }
        if rate != 0 {
            std::thread::sleep(Duration::from_secs_f64(read as f64 / rate as f64));
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
