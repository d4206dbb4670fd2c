// Medians and their exact intervals.
export function median(values) {
    const s = [...values].sort((a, b) => a - b), n = s.length;
    return n % 2 ? s[(n - 1) / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

// Fewer values than this give no 95 % interval: with five even the widest covers the median less often.
export const leastBlocks = 6;

// Distribution-free 95 % interval of a median: the widest pair of order statistics cut off at most 2.5 % on each side.
export function interval(values) {
    const s = [...values].sort((a, b) => a - b), n = s.length;
    let cut = 0, p = 0.5 ** n, below = p;
    while (below <= 0.025 && cut < n / 2) {
        cut++;
        p = (p * (n - cut + 1)) / cut;
        below += p;
    }
    return [s[cut - 1], s[n - cut]];
}

// Norm of the difference over norm of the reference; infinite when lengths differ or a number is not finite.
export function difference(values, reference) {
    if (values.length !== reference.length) return Infinity;
    let d = 0, r = 0;
    for (let i = 0; i < values.length; i++) {
        d += (values[i] - reference[i]) ** 2;
        r += reference[i] ** 2;
    }
    return Number.isFinite(d) && r > 0 ? Math.sqrt(d / r) : Infinity;
}
