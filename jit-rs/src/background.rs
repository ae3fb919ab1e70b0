//! A thread that makes machine code while the program goes on.
//!
//! It ends before a fork, which copies one thread only and is told of others.

use crate::clock::thread_time;
use crate::codegen::Target;
use crate::job::{Job, PANICKED, Product};
use std::ffi::c_int;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

unsafe extern "C" {
    fn clinker_block_signals(block: c_int);
}

/// The stack of the thread, as large as that of the program usually is: Cranelift gets what is compiled at once as well.
const STACK_SIZE: usize = 8 << 20;

/// What has become of a job.
#[derive(Debug)]
pub struct Done {
    /// The number of the job.
    pub ticket: u64,
    /// The machine code, or why there is none.
    pub product: Result<Product, String>,
    /// How long it took of a processor.
    pub microseconds: u64,
}

/// The thread.
#[derive(Debug)]
pub struct Background {
    jobs: Sender<(u64, Job)>,
    done: Receiver<Done>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(target: Target) -> std::io::Result<Self> {
        let (jobs, todo) = channel::<(u64, Job)>();
        let (finished, done) = channel();
        let work = move || {
            for (ticket, job) in todo {
                let start = thread_time();
                let run = std::panic::AssertUnwindSafe(|| job.run(&target));
                let product =
                    std::panic::catch_unwind(run).unwrap_or_else(|_| Err(PANICKED.into()));
                let microseconds = (thread_time() - start).as_micros() as u64;
                let done = Done {
                    ticket,
                    product,
                    microseconds,
                };
                if finished.send(done).is_err() {
                    break;
                }
            }
        };
        // Signals are for the threads of the program.
        // SAFETY: the functions change what this thread blocks, and back.
        unsafe { clinker_block_signals(1) };
        let thread = Builder::new()
            .name("clinker".into())
            .stack_size(STACK_SIZE)
            .spawn(work);
        // SAFETY: as above.
        unsafe { clinker_block_signals(0) };
        Ok(Self {
            jobs,
            done,
            thread: thread?,
        })
    }

    /// Adds a job.
    pub fn add(&self, ticket: u64, job: Job) {
        // The thread lives as long as this does.
        let _ = self.jobs.send((ticket, job));
    }

    /// What has been finished by now.
    pub fn finished(&self) -> Vec<Done> {
        self.done.try_iter().collect()
    }

    /// Ends the thread when it is through with the job at hand.
    pub fn stop(self) {
        drop((self.jobs, self.done));
        // It catches panics.
        let _ = self.thread.join();
    }
}
