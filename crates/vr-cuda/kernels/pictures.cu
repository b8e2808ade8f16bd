/* Minibatches of a set whose pictures lie on the device as bytes [pictures][C][H][W]. */

struct gather_pictures_arguments {
    const unsigned char *pictures;
    const unsigned *key, *samples;
    const float *tables;
    float *out;
    size len, channels, height, width, padding, flips, table_step;
};

/* out = the samples' pictures, cropped at a random place within `padding` zeros, flipped with probability 1/2 where `flips`, and normalised:
 * byte b of channel c becomes tables[c * table_step + b]. */
KERNEL(gather_pictures)
{
    const unsigned plane = arg.height * arg.width, width = arg.width, padding = arg.padding;
    EACH(i, arg.len)
    {
        const unsigned w = i % width, h = i / width % (unsigned)arg.height;
        const unsigned channel = i / plane % (unsigned)arg.channels, sample = arg.samples[i / plane / (unsigned)arg.channels];
        const struct words words = words_of(arg.key, sample, 0);
        const unsigned flipped = arg.flips && below(words.at[0], 2) ? width - 1 - w : w;
        /* Row and column in the picture with its padding. */
        const unsigned row = h + below(words.at[1], 2 * padding + 1), column = flipped + below(words.at[2], 2 * padding + 1);
        unsigned byte = 0;
        if (row >= padding && row < padding + (unsigned)arg.height && column >= padding && column < padding + width)
            byte = arg.pictures[((size)sample * arg.channels + channel) * plane + (row - padding) * width + (column - padding)];
        arg.out[i] = arg.tables[channel * (unsigned)arg.table_step + byte];
    }
}

struct gather_labels_arguments {
    const unsigned *labels, *samples;
    unsigned *out;
    size len;
};

/* out[n] = labels[samples[n]] */
KERNEL(gather_labels)
{
    EACH(n, arg.len) { arg.out[n] = arg.labels[arg.samples[n]]; }
}
