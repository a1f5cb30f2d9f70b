//! The tests of the whole: real programs under the real binary. One binary, so that it links once.

mod harness;
mod layers;
