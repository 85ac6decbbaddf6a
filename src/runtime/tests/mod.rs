mod cancel;
mod operators;
mod scatter;
mod session;
