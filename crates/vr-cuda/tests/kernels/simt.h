/* Stands in front of the source and makes a C++ compiler take its CUDA side. Each thread of a block has a stack of its own and runs until it
 * waits at a barrier; then the next one runs. A barrier that is missing lets a thread run ahead of what it reads. */

#include <cmath>
#include <csetjmp>
#include <ucontext.h>

#define __CUDACC_RTC__
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

struct index {
    unsigned x;
};

static index blockIdx, threadIdx, blockDim, gridDim;

/* Threads of a block at most. */
#define MOST_THREADS 64

struct thread {
    jmp_buf here;
    bool started, finished;
    char stack[1 << 15];
};

static thread threads[MOST_THREADS];
static jmp_buf scheduler;
static void (*kernel)(const void *);
static const void *arguments;

/* Jumps leave the signals alone, which makes them much faster than switches of contexts. */
__attribute__((noinline)) static void give_way()
{
    if (_setjmp(threads[threadIdx.x].here) == 0)
        _longjmp(scheduler, 1);
}

static void __syncthreads()
{
    give_way();
}

/* A thread runs one kernel after another. */
static void live()
{
    for (;;) {
        kernel(arguments);
        threads[threadIdx.x].finished = true;
        give_way();
    }
}

static void start(thread &thread)
{
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = thread.stack;
    context.uc_stack.ss_size = sizeof thread.stack;
    context.uc_link = nullptr;
    makecontext(&context, live, 0);
    thread.started = true;
    setcontext(&context);
}

/* Lets the current thread run to its next barrier, or to its end. */
__attribute__((noinline)) static void resume()
{
    if (_setjmp(scheduler) != 0)
        return;
    thread &thread = threads[threadIdx.x];
    if (thread.started)
        _longjmp(thread.here, 1);
    start(thread);
}

/* Lets every thread run to its next barrier, or its end: how many have come to their end. */
static unsigned run_to_barrier(bool backwards)
{
    unsigned finished = 0;
    for (unsigned turn = 0; turn < blockDim.x; turn++) {
        threadIdx.x = backwards ? blockDim.x - 1 - turn : turn;
        resume();
        finished += threads[threadIdx.x].finished;
    }
    return finished;
}

/* Runs all blocks: whether every barrier was met by all threads of its block. */
static int launch(void (*of)(const void *), const void *with, unsigned blocks, unsigned count, bool backwards)
{
    kernel = of;
    arguments = with;
    gridDim.x = blocks;
    blockDim.x = count;
    if (count > MOST_THREADS)
        return 0;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        for (thread &thread : threads)
            thread.finished = false;
        unsigned finished;
        while ((finished = run_to_barrier(backwards)) == 0) {
        }
        if (finished != count)
            return 0;
    }
    return 1;
}
