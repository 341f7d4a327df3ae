// Memory from the kernel's own heap.

struct Node {
    Node *next;
    int value;
};

// Every thread builds a list, adds it up and gives it back.
extern "C" __global__ void lists(int *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, sum = 0;
    Node *list = nullptr;
    for (int k = 0; k < n; k++) {
        Node *node = new Node{list, i * k};
        list = node;
    }
    while (list) {
        Node *next = list->next;
        sum = sum * 3 + list->value;
        delete list;
        list = next;
    }
    out[i] = sum;
}

// One thread asks for the block.
extern "C" __global__ void shared_heap(int *out, const int *in) {
    __shared__ int *box;
    int t = threadIdx.x;
    if (t == 0) box = (int *)malloc(blockDim.x * sizeof(int));
    __syncthreads();
    if (!box) return;
    box[t] = in[t] + blockIdx.x;
    __syncthreads();
    out[blockIdx.x * blockDim.x + t] = box[blockDim.x - 1 - t];
    __syncthreads();
    if (t == 0) free(box);
}
