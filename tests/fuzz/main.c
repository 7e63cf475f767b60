/* main.c - runs a fuzzing entry over the files named as arguments, where there is no libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { LARGEST = 64 << 20 };

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            perror(argv[i]);
            return 1;
        }
        long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
        uint8_t *p = size >= 0 && size <= LARGEST ? malloc(size ? (size_t)size : 1) : NULL;
        rewind(f);
        if (!p || fread(p, 1, (size_t)size, f) != (size_t)size) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
        fclose(f);
        LLVMFuzzerTestOneInput(p, (size_t)size);
        free(p);
    }
    return 0;
}
