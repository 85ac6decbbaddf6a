mod cancel;
mod operators;
mod rows;
mod session;
