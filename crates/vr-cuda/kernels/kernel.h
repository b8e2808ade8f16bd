/* What lets one source be a CUDA kernel, compiled by NVRTC, and a function of the host, compiled by the system's C compiler.
 *
 * A kernel `name` reads its arguments from `arg`, a `struct name_arguments` whose fields take eight bytes each. Its body is made of
 * loops over elements (EACH, EACH_LANE), with a BARRIER between loops of one block that pass values on in SHARED memory. Outside of these
 * loops stands only what every thread of a block does alike. On the host the loops run over the threads one after another, so that a
 * value a thread leaves in a variable of its own between two loops is lost there: it belongs into SHARED memory.
 *
 * Products and sums are not contracted: both compilers are told so, and fused ones say fmaf. */

typedef unsigned long long size;

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

#define KERNEL(name) extern "C" __global__ void name(const struct name##_arguments arg)
#define FUNCTION static __device__ __forceinline__
#define ALIGNED __align__(16)
#define SHARED(type, name, len) __shared__ type name[len]
#define BARRIER __syncthreads()
/* This thread block, of those that the kernel was launched with. */
#define BLOCK blockIdx.x
/* The elements 0 to len - 1, shared out over all threads of all blocks. */
#define EACH(i, len) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned)(len); i += gridDim.x * blockDim.x)
/* The lanes 0 to len - 1, shared out over the threads of this block. */
#define EACH_LANE(i, len) for (unsigned i = threadIdx.x; i < (unsigned)(len); i += blockDim.x)

#else

#include <math.h>

/* Which block of a launch runs, and in which order its threads do. */
struct launch {
    unsigned block, blocks, threads, backwards;
};

#define KERNEL(name)                                                                                                  \
    static void name##_block(const struct name##_arguments arg, const struct launch launch);                          \
    /* Runs the blocks from `first` to before `end` of a launch of `blocks` blocks of `threads` threads. */           \
    void name(const struct name##_arguments *arg, unsigned blocks, unsigned threads, unsigned first, unsigned end,    \
              unsigned backwards)                                                                                     \
    {                                                                                                                 \
        for (unsigned i = first; i < end; i++) {                                                                      \
            const unsigned block = backwards ? first + end - 1 - i : i;                                               \
            const struct launch launch = {block, blocks, threads, backwards};                                         \
            name##_block(*arg, launch);                                                                               \
        }                                                                                                             \
    }                                                                                                                 \
    static void name##_block(const struct name##_arguments arg, const struct launch launch)

#define FUNCTION static inline
#define ALIGNED __attribute__((aligned(16)))
#define SHARED(type, name, len) type name[len]
#define BARRIER (void)launch
#define BLOCK launch.block
#define THREAD_(turn) (launch.backwards ? launch.threads - 1 - (turn) : (turn))
#define EACH(i, len)                                                                                                  \
    for (unsigned turn_ = 0; turn_ < launch.threads; turn_++)                                                         \
        for (unsigned i = launch.block * launch.threads + THREAD_(turn_); i < (unsigned)(len);                        \
             i += launch.blocks * launch.threads)
#define EACH_LANE(i, len)                                                                                             \
    for (unsigned turn_ = 0; turn_ < launch.threads; turn_++)                                                         \
        for (unsigned i = THREAD_(turn_); i < (unsigned)(len); i += launch.threads)

#endif

/* Lanes that a block's sum is made of, whatever its threads: each adds elements of its own in order, and the lanes are added as a tree. So a
 * sum has the same bits for every number of threads. */
#define LANES 256

/* Adds up `sums[LANES]` into sums[0], which is there after the next BARRIER. */
#define ADD_LANES(sums)                                                                                               \
    for (unsigned half_ = LANES / 2; half_ > 0; half_ /= 2) {                                                         \
        BARRIER;                                                                                                      \
        EACH_LANE(lane_, half_) { (sums)[lane_] += (sums)[lane_ + half_]; }                                           \
    }

FUNCTION unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* Where element `i` of samples of `row` elements lies, if those of a sample begin every `pitch` elements. */
FUNCTION size place(unsigned i, size row, size pitch)
{
    if (row == pitch)
        return i;
    const unsigned sample = i / (unsigned)row;
    return sample * pitch + (i - sample * (unsigned)row);
}
