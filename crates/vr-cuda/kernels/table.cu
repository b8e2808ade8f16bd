/* Rows of gradient tables in bfloat16, rounded to the nearest, ties to even. */

FUNCTION unsigned short bf16_of(float value)
{
    const unsigned bits = bits_of_float(value), high = bits >> 16;
    if (value != value)
        return (unsigned short)(high | 0x40u);
    return (unsigned short)((bits + 0x7fffu + (high & 1u)) >> 16);
}

struct write_bf16_arguments {
    const float *x;
    unsigned short *row;
    float *rounded;
    size len;
};

/* row = x rounded, and `rounded` = what the row then holds */
KERNEL(write_bf16)
{
    EACH(i, arg.len)
    {
        const unsigned short kept = bf16_of(arg.x[i]);
        arg.row[i] = kept;
        if (arg.rounded)
            arg.rounded[i] = float_of((unsigned)kept << 16);
    }
}

struct read_bf16_arguments {
    const unsigned short *row;
    float *x;
    size len;
};

KERNEL(read_bf16)
{
    EACH(i, arg.len) { arg.x[i] = float_of((unsigned)arg.row[i] << 16); }
}
