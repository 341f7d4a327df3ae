// Functions that call themselves.

__device__ __noinline__ int fibonacci(int n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

extern "C" __global__ void fib(int *out) { out[threadIdx.x] = fibonacci(threadIdx.x % 12); }

__device__ __noinline__ void quicksort(int *a, int low, int high) {
    if (low >= high) return;
    int pivot = a[(low + high) / 2], i = low, j = high;
    while (i <= j) {
        while (a[i] < pivot) i++;
        while (a[j] > pivot) j--;
        if (i <= j) {
            int t = a[i];
            a[i++] = a[j];
            a[j--] = t;
        }
    }
    quicksort(a, low, j);
    quicksort(a, i, high);
}

// A thread a row.
extern "C" __global__ void sort_rows(int *data, int cols) {
    quicksort(data + (blockIdx.x * blockDim.x + threadIdx.x) * cols, 0, cols - 1);
}

__device__ __noinline__ unsigned ackermann(unsigned m, unsigned n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

struct Vec {
    double x, y;
    int n;
};

// Structures go in and out by value.
__device__ __noinline__ Vec turn(Vec v, int times) {
    return times == 0 ? v : turn(Vec{-v.y, v.x, v.n + 1}, times - 1);
}

extern "C" __global__ void deep(unsigned *out, double *vec) {
    int i = threadIdx.x;
    out[i] = ackermann(i % 3, i % 5);
    Vec v = turn(Vec{i + 0.5, -1.0 * i, 0}, i % 6);
    vec[2 * i] = v.x + v.n;
    vec[2 * i + 1] = v.y;
}
