//! A thread that makes machine code while the program goes on.
//!
//! It touches nothing of the interpreter: what it needs has been copied, and addresses that the machine code refers to are
//! just numbers to it. It ends before a fork, which copies one thread only and is told of others.

use crate::codegen::{self, Catch, Exit};
use crate::hir::Function;
use crate::memory::Executable;
use crate::snapshot::Code;
use cranelift_codegen::isa::OwnedTargetIsa;
use std::ffi::c_int;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

unsafe extern "C" {
    fn clinker_block_signals(block: c_int);
}

/// The stack of the thread, as large as that of the program usually is: Cranelift gets what is compiled at once as well.
const STACK_SIZE: usize = 8 << 20;

/// What machine code is made from.
#[derive(Debug)]
pub struct Job {
    /// The function.
    pub function: Function,
    /// The code object it comes from.
    pub code: Code,
    /// Caches of helpers.
    pub caches: Box<[u64]>,
    /// The address of the code object.
    pub id: usize,
}

/// Machine code with what it refers to.
#[derive(Debug)]
pub struct Product {
    /// The machine code.
    pub machine: Executable,
    /// What leaving does at each place.
    pub exits: Vec<Exit>,
    /// How the runtime enters handlers.
    pub catches: Vec<Catch>,
    /// Caches of helpers.
    pub caches: Box<[u64]>,
    /// The `RESUME`s that it is entered by besides the one it was compiled for.
    pub resumes: Vec<u32>,
}

impl Job {
    /// Makes the machine code.
    ///
    /// # Errors
    /// Says why it cannot be made.
    pub fn run(self, isa: &OwnedTargetIsa) -> Result<Product, String> {
        let caches = self.caches.as_ptr() as u64;
        let machine = codegen::compile(isa, &self.function, &self.code, caches, self.id as u64)?;
        let mut resumes = self.function.resumes();
        resumes.retain(|offset| self.code.resumes.contains(offset));
        Ok(Product {
            resumes,
            machine: Executable::new(&machine.bytes).map_err(|error| error.to_string())?,
            exits: machine.exits,
            catches: machine.catches,
            caches: self.caches,
        })
    }
}

/// What has become of a job.
#[derive(Debug)]
pub struct Done {
    /// The number of the job.
    pub ticket: u64,
    /// The machine code, or why there is none.
    pub product: Result<Product, String>,
    /// How long it took.
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
    pub fn start(isa: OwnedTargetIsa) -> std::io::Result<Self> {
        let (jobs, todo) = channel::<(u64, Job)>();
        let (finished, done) = channel();
        let work = move || {
            for (ticket, job) in todo {
                let start = Instant::now();
                let run = std::panic::AssertUnwindSafe(|| job.run(&isa));
                let product = std::panic::catch_unwind(run)
                    .unwrap_or_else(|_| Err("an internal error while it was compiled".into()));
                let microseconds = start.elapsed().as_micros() as u64;
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
