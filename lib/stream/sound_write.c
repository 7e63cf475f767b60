/*
 * sound_write.c - sample frames as a file of sound. WAV and AU are written here, first byte to last: what can be patched gets its sizes
 * at the end, a pipe is told that they are unknown (0xffffffff). libsndfile writes the others, to a temporary file that is copied when
 * it is whole.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "stream/sound.h"
#include "stream/sound_lib.h"

enum { HEADER = 58 /* bytes at most */ };

struct writer {
    struct sink *sink;
    struct sound_spec spec;
    const char *format;
    bool big, patch;
    size_t field; /* of the head */
    uint64_t bytes;
    unsigned char *out; /* [SOUND_BATCH] sample frames */
    int fd;             /* of the temporary file, -1: none */
    const struct sound_file_lib *lib; /* NULL where it is not needed */
    SNDFILE *snd;
};

static size_t put(unsigned char *p, size_t at, uint32_t v, size_t n, bool big) {
    for (size_t i = 0; i < n; i++)
        p[at + (big ? n - 1 - i : i)] = (unsigned char)(v >> 8 * i);
    return at + n;
}

static size_t text(unsigned char *p, size_t at, const char *four) {
    memcpy(p + at, four, 4);
    return at + 4;
}

/* The header for so many bytes of samples; its length. */
static size_t header(const struct writer *w, uint64_t bytes, unsigned char p[HEADER]) {
    const struct sound_kind *k = w->spec.kind;
    uint32_t frame = (uint32_t)(w->spec.channels * k->bytes), channels = (uint32_t)w->spec.channels;
    size_t at = 0;
    if (w->big) {
        uint32_t code = k->real ? (uint32_t)k->bytes / 4 + 5 : (uint32_t)k->bytes + 1;
        at = put(p, text(p, 0, ".snd"), 24, 4, true);
        at = put(p, at, bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX, 4, true);
        at = put(p, put(p, at, code, 4, true), w->spec.rate, 4, true);
        return put(p, at, channels, 4, true);
    }
    bool known = bytes < UINT32_MAX - HEADER;
    size_t extra = k->real ? 14 : 0; /* a fact chunk, and an empty extension of the format */
    at = text(p, put(p, text(p, 0, "RIFF"), known ? (uint32_t)(36 + extra + bytes + bytes % 2) : UINT32_MAX, 4, false), "WAVE");
    at = put(p, text(p, at, "fmt "), k->real ? 18 : 16, 4, false);
    at = put(p, put(p, at, k->real ? 3 : 1, 2, false), channels, 2, false);
    at = put(p, put(p, at, w->spec.rate, 4, false), w->spec.rate * frame, 4, false);
    at = put(p, put(p, at, frame, 2, false), (uint32_t)k->bytes * 8, 2, false);
    if (k->real) {
        at = put(p, text(p, put(p, at, 0, 2, false), "fact"), 4, 4, false);
        at = put(p, at, known ? (uint32_t)(bytes / frame) : UINT32_MAX, 4, false);
    }
    return put(p, text(p, at, "data"), known ? (uint32_t)bytes : UINT32_MAX, 4, false);
}

/* A format of libsndfile that holds these samples, nearly as they are. */
static int file_format(const struct sound_file_lib *lib, const char *name, const struct sound_kind *k, size_t channels, uint32_t rate) {
    static const struct {
        const char *name;
        int major, fixed;
    } formats[] = {{"flac", SF_FORMAT_FLAC, 0}, {"ogg", SF_FORMAT_OGG, SF_FORMAT_VORBIS}, {"aiff", SF_FORMAT_AIFF, 0},
                   {"caf", SF_FORMAT_CAF, 0}};
    const int sub[] = {k->code, k->code == SF_FORMAT_PCM_U8 ? SF_FORMAT_PCM_S8 : 0, k->bytes > 2 ? SF_FORMAT_PCM_24 : 0, SF_FORMAT_PCM_16};
    size_t i = 0;
    while (strcmp(formats[i].name, name) != 0)
        i++;
    for (size_t j = 0; j < sizeof sub / sizeof *sub; j++) {
        SF_INFO info = {.samplerate = (int)rate, .channels = (int)channels};
        info.format = formats[i].major | (formats[i].fixed ? formats[i].fixed : sub[j]);
        if (info.format != formats[i].major && lib->format_check(&info))
            return info.format;
    }
    return 0;
}

static int begin(struct writer *w, struct vae_err *err) {
    unsigned char p[HEADER];
    w->fd = -1;
    w->big = !strcmp(w->format, "au");
    if (w->big || !strcmp(w->format, "wav")) {
        if (w->spec.kind->bytes == 1) /* what each format has of eight bits */
            w->spec.kind = sound_kind_by_name(w->big ? "s8" : "u8");
        w->patch = !sink_is_pipe(w->sink);
        w->out = mem_array(SOUND_BATCH, w->spec.channels * w->spec.kind->bytes);
        return w->out ? sink_write(w->sink, p, header(w, UINT64_MAX, p), err) : err_set(err, VAE_EOS, "out of memory");
    }
    if (!(w->lib = sound_file_lib(err)))
        return VAE_EOS;
    SF_INFO info = {.samplerate = (int)w->spec.rate, .channels = (int)w->spec.channels};
    info.format = file_format(w->lib, w->format, w->spec.kind, w->spec.channels, w->spec.rate);
    if (!info.format)
        return err_set(err, VAE_EUSAGE, "%s holds no sound of %zu channels at %u Hz; wav does", w->format, w->spec.channels, w->spec.rate);
    if ((w->fd = io_temporary(err)) < 0)
        return w->fd;
    if (!(w->snd = w->lib->open_fd(w->fd, SFM_WRITE, &info, SF_FALSE)))
        return err_set(err, VAE_EOS, "%s: cannot be written (%s)", sink_name(w->sink), w->lib->strerror(NULL));
    w->lib->command(w->snd, SFC_SET_CLIPPING, NULL, SF_TRUE);
    return 0;
}

void *sound_create(struct sink *sink, const struct vae_head *head, const char *format, struct vae_err *err) {
    json_int_t rate = json_integer_value(json_object_get(head->origin, "rate"));
    int f = rec_head_find(head, "sample");
    size_t channels = f < 0 ? 0 : head->fields[f].width;
    if (f < 0 || head->fields[f].type != REC_F32 || channels > SOUND_CHANNELS || rate < 1 || rate > SOUND_RATE) {
        err_set(err, VAE_EUSAGE, "%s: only sound can be written as %s, and these records are none", sink_name(sink), format);
        return NULL;
    }
    struct writer *w = mem_array(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink, w->format = format, w->field = (size_t)f;
    w->spec = (struct sound_spec){(uint32_t)rate, channels, sound_kind_by_name(json_string_value(json_object_get(head->origin, "sample")))};
    if (begin(w, err) == 0)
        return w;
    sound_destroy(w);
    return NULL;
}

int sound_put(void *writer, const struct vae_batch *b, struct vae_err *err) {
    struct writer *w = writer;
    const float *x = b->cols[w->field].data;
    size_t c = w->spec.channels;
    if (w->snd)
        return w->lib->writef_float(w->snd, x, (sf_count_t)b->rows) == (sf_count_t)b->rows
                   ? 0 : err_set(err, VAE_EIO, "%s: cannot be written (%s)", sink_name(w->sink), w->lib->strerror(w->snd));
    int rc = 0;
    for (size_t at = 0; at < b->rows && !rc; at += SOUND_BATCH) {
        size_t n = b->rows - at < SOUND_BATCH ? b->rows - at : SOUND_BATCH, bytes = n * c * w->spec.kind->bytes;
        sound_encode(w->spec.kind, w->big, x + at * c, n * c, w->out);
        rc = sink_write(w->sink, w->out, bytes, err);
        w->bytes += bytes;
    }
    return rc;
}

int sound_finish(void *writer, int status, struct vae_err *err) {
    struct writer *w = writer;
    unsigned char p[HEADER];
    (void)status; /* the formats have no place for it: the samples so far are all they say */
    if (!w->snd) {
        int rc = w->bytes % 2 && !w->big ? sink_write(w->sink, "", 1, err) : 0;
        return rc || !w->patch ? rc : sink_patch(w->sink, 0, p, header(w, w->bytes, p), err);
    }
    w->lib->close(w->snd);
    w->snd = NULL;
    unsigned char *bytes = mem_array(1 << 16, 1);
    long n = bytes && lseek(w->fd, 0, SEEK_SET) == 0 ? 0 : err_set(err, VAE_EOS, "out of memory");
    while (n == 0 && (n = io_read(w->fd, bytes, 1 << 16, "temporary file", err)) > 0)
        n = sink_write(w->sink, bytes, (size_t)n, err);
    free(bytes);
    return (int)n;
}

void sound_destroy(void *writer) {
    struct writer *w = writer;
    if (w->snd)
        w->lib->close(w->snd);
    if (w->fd >= 0)
        close(w->fd);
    free(w->out), free(w);
}
