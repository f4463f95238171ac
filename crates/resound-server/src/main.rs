//! The binary `resound`.

// Of the allocators that were measured, the one that keeps the least memory per connection.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    resound_server::cli::main()
}
