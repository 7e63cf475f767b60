/*
 * sound_lib.h - libsndfile and libsamplerate, each loaded once per process, as the first sound is opened that needs it: linked, their
 * codecs cost every start of every command a third of its time.
 */
#ifndef STREAM_SOUND_LIB_H
#define STREAM_SOUND_LIB_H

#include <samplerate.h>
#include <sndfile.h>

#include "vae.h"

struct sound_file_lib {
    __typeof__(&sf_open_fd) open_fd;
    __typeof__(&sf_close) close;
    __typeof__(&sf_error) error;
    __typeof__(&sf_strerror) strerror;
    __typeof__(&sf_readf_float) readf_float;
    __typeof__(&sf_writef_float) writef_float;
    __typeof__(&sf_command) command;
    __typeof__(&sf_format_check) format_check;
};

struct sound_rate_lib {
    __typeof__(&src_new) new;
    __typeof__(&src_delete) delete;
    __typeof__(&src_process) process;
    __typeof__(&src_strerror) strerror;
    __typeof__(&src_is_valid_ratio) is_valid_ratio;
};

/* NULL where it is not installed: VAE_EOS. */
const struct sound_file_lib *sound_file_lib(struct vae_err *);
const struct sound_rate_lib *sound_rate_lib(struct vae_err *);

#endif
