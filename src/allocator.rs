//! What the allocator is told. Feature `cli`.

/// Has the allocator keep what is freed, up to 256 MiB: buffers of some hundred kilobytes come and go, and glibc would give
/// each back to the kernel, which clears the pages of the next one. Does nothing with another C library.
pub(crate) fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// The largest threshold that glibc takes.
        const MAPPED_FROM_BYTES: libc::c_int = 32 << 20;
        const KEPT_BYTES: libc::c_int = 256 << 20;
        // SAFETY: mallopt changes settings of the allocator, whose lock it takes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        }
    }
}
