/* Flat vectors in chunks, each within one tensor: one block a chunk. The table has three words a chunk: first element, end, tensor. */

#define CHUNK_FIRST (arg.chunks[3 * BLOCK])
#define CHUNK_LEN (arg.chunks[3 * BLOCK + 1] - arg.chunks[3 * BLOCK])
#define CHUNK_TENSOR (arg.chunks[3 * BLOCK + 2])
