/* Softmax cross-entropy of logits [N][classes]: one block a sample. */

struct cross_entropy_arguments {
    const float *logits;
    const unsigned *labels;
    double *losses;
    unsigned *hits;
    float *gradient;
    double scale;
    size samples, classes;
};

/* losses[n] = -ln softmax[label]; hits[n] = whether the first largest logit is the label's, and whether fewer than five come before it;
 * gradient = scale * (softmax - one-hot). */
KERNEL(cross_entropy)
{
    SHARED(double, sums, LANES);
    SHARED(float, best, LANES);
    SHARED(unsigned, best_class, LANES);
    SHARED(unsigned, before, LANES);
    const unsigned classes = arg.classes, label = arg.labels[BLOCK];
    const float *logits = arg.logits + (size)BLOCK * classes;
    const float own = logits[label];
    EACH_LANE(lane, LANES)
    {
        best[lane] = logits[0];
        best_class[lane] = 0;
        before[lane] = 0;
        for (unsigned c = lane; c < classes; c += LANES) {
            const float z = logits[c];
            if (z > best[lane]) {
                best[lane] = z;
                best_class[lane] = c;
            }
            before[lane] += z == own ? c < label : !(z < own);
        }
    }
    ADD_LANES(before);
    for (unsigned half = LANES / 2; half > 0; half /= 2) {
        BARRIER;
        EACH_LANE(lane, half)
        {
            const float z = best[lane + half];
            const unsigned its_class = best_class[lane + half];
            if (z > best[lane] || (z == best[lane] && its_class < best_class[lane])) {
                best[lane] = z;
                best_class[lane] = its_class;
            }
        }
    }
    BARRIER;
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0;
        for (unsigned c = lane; c < classes; c += LANES)
            sum += exponential((double)logits[c] - (double)best[0]);
        sums[lane] = sum;
    }
    ADD_LANES(sums);
    BARRIER;
    EACH_LANE(lane, 1)
    {
        arg.losses[BLOCK] = logarithm(sums[0]) + ((double)best[0] - (double)own);
        arg.hits[2 * BLOCK] = best_class[0] == label;
        arg.hits[2 * BLOCK + 1] = before[0] < 5;
    }
    if (arg.gradient) {
        EACH_LANE(c, classes)
        {
            const double share = exponential((double)logits[c] - (double)best[0]) / sums[0];
            arg.gradient[(size)BLOCK * classes + c] = (float)(arg.scale * (share - (c == label ? 1.0 : 0.0)));
        }
    }
}

struct loss_sums_arguments {
    const double *losses;
    const unsigned *hits;
    double *sums;
    size samples;
};

/* sums = the sum of losses, and how many labels are hit by the first class and by the first five; by one block */
KERNEL(loss_sums)
{
    SHARED(double, losses, LANES);
    SHARED(double, first, LANES);
    SHARED(double, five, LANES);
    EACH_LANE(lane, LANES)
    {
        losses[lane] = 0.0;
        first[lane] = 0.0;
        five[lane] = 0.0;
        for (unsigned n = lane; n < (unsigned)arg.samples; n += LANES) {
            losses[lane] += arg.losses[n];
            first[lane] += arg.hits[2 * n];
            five[lane] += arg.hits[2 * n + 1];
        }
    }
    ADD_LANES(losses);
    ADD_LANES(first);
    ADD_LANES(five);
    EACH_LANE(lane, 1)
    {
        arg.sums[0] = losses[0];
        arg.sums[1] = first[0];
        arg.sums[2] = five[0];
    }
}
