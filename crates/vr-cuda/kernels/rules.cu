/* Update rules, with the bits of vr-optim's. What differs between tensors stands in tables with a number for each. */

struct sgd_momentum_arguments {
    float *x, *buffer;
    const float *direction;
    const float *decays, *rates;
    const unsigned *chunks;
    double momentum;
    size nesterov, blocks;
};

/* d = v + decay * x; buffer = momentum * buffer + d; x -= rate * buffer, or with Nesterov's form rate * (d + momentum * buffer) */
KERNEL(sgd_momentum)
{
    const unsigned first = CHUNK_FIRST;
    const float momentum = (float)arg.momentum, decay = arg.decays[CHUNK_TENSOR], rate = arg.rates[CHUNK_TENSOR];
    EACH_LANE(k, CHUNK_LEN)
    {
        const unsigned i = first + k;
        const float d = arg.direction[i] + decay * arg.x[i];
        const float buffer = momentum * arg.buffer[i] + d;
        arg.buffer[i] = buffer;
        arg.x[i] = arg.x[i] - rate * (arg.nesterov ? d + momentum * buffer : buffer);
    }
}

struct adamw_arguments {
    float *x, *first, *second;
    const float *direction;
    const double *keeps, *rates, *root;
    const unsigned *chunks;
    double beta1, beta2, epsilon;
    size blocks;
};

/* first = beta1 * first + (1 - beta1) * v; second = beta2 * second + (1 - beta2) * v^2;
 * x = keep * x - rate * first / (sqrt(second) / root + epsilon) */
KERNEL(adamw)
{
    const unsigned start = CHUNK_FIRST;
    const double keep = arg.keeps[CHUNK_TENSOR], rate = arg.rates[CHUNK_TENSOR], root = arg.root[0];
    EACH_LANE(k, CHUNK_LEN)
    {
        const unsigned i = start + k;
        const double v = arg.direction[i];
        const float first = (float)(arg.beta1 * (double)arg.first[i] + (1.0 - arg.beta1) * v);
        const float second = (float)(arg.beta2 * (double)arg.second[i] + (1.0 - arg.beta2) * (v * v));
        arg.first[i] = first;
        arg.second[i] = second;
        const double scale = sqrt((double)second) / root + arg.epsilon;
        arg.x[i] = (float)(keep * (double)arg.x[i] - rate * (double)first / scale);
    }
}

struct lion_arguments {
    float *x, *momentum;
    const float *direction;
    const double *keeps, *rates;
    const unsigned *chunks;
    double beta1, beta2;
    size blocks;
};

/* x = keep * x - rate * sign(beta1 * a + (1 - beta1) * v); a = beta2 * a + (1 - beta2) * v */
KERNEL(lion)
{
    const unsigned first = CHUNK_FIRST;
    const double keep = arg.keeps[CHUNK_TENSOR], rate = arg.rates[CHUNK_TENSOR];
    EACH_LANE(k, CHUNK_LEN)
    {
        const unsigned i = first + k;
        const double v = arg.direction[i], old = arg.momentum[i];
        const double mixed = arg.beta1 * old + (1.0 - arg.beta1) * v;
        /* The sign of 0 is 0, that of NaN is NaN. */
        const double sign = mixed > 0.0 ? 1.0 : mixed < 0.0 ? -1.0 : mixed == 0.0 ? 0.0 : mixed;
        arg.x[i] = (float)(keep * (double)arg.x[i] - rate * sign);
        arg.momentum[i] = (float)(arg.beta2 * old + (1.0 - arg.beta2) * v);
    }
}
