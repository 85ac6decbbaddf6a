mod cancel;
mod operators;
mod row_products;
mod session;
