/* The exponential and the logarithm of vr-kernels, operation by operation, so that they have its bits. */

union double_bits {
    double value;
    unsigned long long bits;
};

union float_bits {
    float value;
    unsigned bits;
};

FUNCTION double double_of(unsigned long long bits)
{
    union double_bits of;
    of.bits = bits;
    return of.value;
}

FUNCTION unsigned long long bits_of_double(double value)
{
    union double_bits of;
    of.value = value;
    return of.bits;
}

FUNCTION float float_of(unsigned bits)
{
    union float_bits of;
    of.bits = bits;
    return of.value;
}

FUNCTION unsigned bits_of_float(float value)
{
    union float_bits of;
    of.value = value;
    return of.bits;
}

/* ln 2 with its low 32 bits zero, and the rest. */
#define LN2_HIGH double_of(0x3fe62e4200000000ull)
#define LN2_LOW (2.3190468138462996e-17 + (0.693147180559945309417 - LN2_HIGH))

FUNCTION double power_of_two(long long exponent) { return double_of((unsigned long long)(exponent + 1023) << 52); }

FUNCTION double exponential(double x)
{
    if (x != x)
        return x;
    if (x > 709.79)
        return double_of(0x7ff0000000000000ull);
    if (x < -745.14)
        return 0.0;
    const double n = floor(x * 1.44269504088896340736 + 0.5);
    const double r = (x - n * LN2_HIGH) - n * LN2_LOW;
    double tail = 0.0;
    for (double k = 14.0; k >= 2.0; k -= 1.0)
        tail = (1.0 + tail) * (r / k);
    const double e = 1.0 + (r + r * tail);
    const long long whole = (long long)n;
    const long long half = (whole - (whole < 0 && whole % 2 != 0)) / 2;
    return e * power_of_two(half) * power_of_two(whole - half);
}

/* The logarithm of a positive normal number; NaN and infinity stay. */
FUNCTION double logarithm(double x)
{
    if (x != x || x == double_of(0x7ff0000000000000ull))
        return x;
    long long exponent = (long long)(bits_of_double(x) >> 52) - 1023;
    double m = double_of((bits_of_double(x) & ((1ull << 52) - 1)) | 1023ull << 52);
    if (m >= 1.41421356237309504880) {
        m *= 0.5;
        exponent += 1;
    }
    const double n = (double)exponent;
    const double f = m - 1.0;
    const double s = f / (m + 1.0);
    const double square = s * s;
    double series = 0.0;
    for (double k = 23.0; k >= 3.0; k -= 2.0)
        series = square * (series + 2.0 / k);
    return n * LN2_HIGH + (f - (s * (f - series) - n * LN2_LOW));
}

/* e^x - 1 for x at most 0, as vr-kernels has it. */
FUNCTION float exponential_minus_1(float x)
{
    const float round = 12582912.0f;
    x = x < -87.0f ? -87.0f : x;
    const float shifted = fmaf(x, 1.44269504088896340736f, round);
    const float n = shifted - round;
    const float r = fmaf(n, 2.1219444e-4f, fmaf(n, -0.6933594f, x));
    float series = 1.0f / 5040.0f;
    series = fmaf(r, series, 1.0f / 720.0f);
    series = fmaf(r, series, 1.0f / 120.0f);
    series = fmaf(r, series, 1.0f / 24.0f);
    series = fmaf(r, series, 1.0f / 6.0f);
    series = fmaf(r, series, 1.0f / 2.0f);
    const float e = fmaf(r * r, series, r);
    const float power = float_of((bits_of_float(shifted) - bits_of_float(round) + 127u) << 23);
    return fmaf(power, e, power - 1.0f);
}
