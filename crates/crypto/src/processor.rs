//! Which of the accelerated implementations this processor can run. It is asked once; what has been decided for one
//! key holds for every other.

/// Whether the crate `graviola` runs here: it is compiled in (feature `graviola`, x86-64 or AArch64), and the
/// processor has all of the instructions that it takes for granted. Where it has not, its functions would panic, so
/// none may be called before this has said yes.
pub fn runs_graviola() -> bool {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        static RUNS: std::sync::LazyLock<bool> = std::sync::LazyLock::new(graviola::util::is_cpu_supported);
        *RUNS
    }
    #[cfg(not(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    false
}

/// Whether AES and GHASH run on vectors of 512 bits, with which `graviola` leaves everything else behind.
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn has_wide_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected;
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}
