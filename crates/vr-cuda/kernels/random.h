/* Random numbers as functions of their key: vr_core::random, bit for bit. */

struct words {
    unsigned at[4];
};

/* Philox4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011). */
FUNCTION struct words philox(unsigned c0, unsigned c1, unsigned c2, unsigned c3, unsigned k0, unsigned k1)
{
    for (unsigned round = 0; round < 10; round++) {
        const unsigned long long a = 0xd2511f53ull * c0, b = 0xcd9e8d57ull * c2;
        c0 = (unsigned)(b >> 32) ^ c1 ^ k0;
        c1 = (unsigned)b;
        c2 = (unsigned)(a >> 32) ^ c3 ^ k1;
        c3 = (unsigned)a;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    struct words words;
    words.at[0] = c0;
    words.at[1] = c1;
    words.at[2] = c2;
    words.at[3] = c3;
    return words;
}

/* Block `draw` of the words of a sample. The key is: low and high half of the seed, generation, and stream with visit. */
FUNCTION struct words words_of(const unsigned *key, unsigned sample, unsigned draw)
{
    return philox(draw, sample, key[2], key[3], key[0], key[1]);
}

/* A uniform number in [0, 1). */
FUNCTION double uniform(unsigned word) { return (double)word / 4294967296.0; }

/* A uniform integer in 0..bound. */
FUNCTION unsigned below(unsigned word, unsigned bound) { return (unsigned)(((unsigned long long)word * bound) >> 32); }
