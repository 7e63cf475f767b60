/*
 * state.h - where the last run stopped in tables that grow and are rotated, so that the next one goes on there.
 *
 * A file is known again by its inode and by what stood in it: checksums of its first and of its last bytes then. The
 * inode alone would not do (it is used again for another file, and stays when a log is copied and cut), and the number
 * of the device is left out (it may change when a machine starts).
 */
#ifndef STREAM_STATE_H
#define STREAM_STATE_H

#include "base/mem.h"
#include "stream/format.h"

enum { STATE_MARK = 4096 }; /* bytes of a checksum */

/* The first `size` bytes of a file. */
struct state_mark {
    uint64_t inode, size;
    uint32_t head, tail; /* crc32 of the first and of the last min(size, STATE_MARK) of them */
};

/* The mark of an open file: of `size` bytes. 0 or VAE_EIO. */
int state_mark_take(int fd, uint64_t size, const char *name, struct state_mark *, struct vae_err *);
/* Has the open file the bytes of the mark? Its inode is not looked at. */
bool state_mark_fits(int fd, const struct state_mark *);

/* Opens the regular file of this name in `dir` without waiting and without following a link. -1: there is none. */
int state_open_in(int dir, const char *name);
/* The directory of a path, open, and the last component -> *base. -1 and errno. */
int state_open_dir(const char *path, const char **base);
/* The file of the mark beside `path`, under whatever name: open, its name copied to name[]. -1: there is none. */
int state_find(const char *path, const struct state_mark *, int flags, char name[256]);

/* All that was put is on the disk; *at (may be NULL): the file up to there. 0 or VAE_E*. */
int stream_out_sync(struct vae_out *, struct state_mark *at, struct vae_err *);

/* A checksum of the names that begin as the path does, and of their inodes: another one where files were renamed. */
uint64_t state_listing(const char *path);

/* A file that is read. */
struct state_file {
    char *path;                /* as the operand says; the file may have another name by now */
    struct state_mark mark;    /* all of it, as it was at the last save: what was not done yet tells, too */
    struct stream_place place; /* behind the rows that are done; owns its header */
    int fd;                    /* of this run, -1: there is nothing to read */
    int64_t newness;           /* of the name that it has in this run, INT64_MAX: it has the operand's, or another one */
};

struct vae_state {
    char *path;
    int lock;
    char *memory;  /* a text for the next run, NULL: none */
    char *held;    /* [nheld] what windows go back to (stream_in_save()), NULL: nothing */
    size_t nheld;
    bool anew;     /* it is of other windows than those of this run, which begin without */
    char *model;   /* id of the last run's, NULL: this is the first run */
    uint64_t rows; /* scored */
    struct state_file *file; /* [nfiles] of one path: from old to new */
    size_t nfiles, cap;
    bool has_out;
    struct state_mark out; /* what was appended to, up to where the rows in it are done */
    uint32_t columns;      /* a checksum of its columns */
    size_t *part;          /* [nparts] the files to read in this run, in this order */
    size_t nparts, parts_cap;
    const char *lost;      /* path of a file whose end could not be found, NULL: none */
    uint64_t lost_at;
};

/* The state as text, and back. what: for messages. 0, VAE_EDATA or VAE_EOS. */
int state_format(const struct vae_state *, struct buf *out, struct vae_err *);
int state_parse(struct vae_state *, const char *p, size_t n, struct vae_err *);

/* Reads it, in place of what it is. A file that is not there is the state of a first run. 0, VAE_EDATA, VAE_EIO or VAE_EOS. */
int state_load(struct vae_state *, struct vae_err *);

/* VAE_EDATA: the state makes no sense, for this reason; and the way out. */
int state_refuse(const char *why, struct vae_err *);

/* A new file at its start, as number `at`. NULL: out of memory. */
struct state_file *state_add(struct vae_state *, size_t at, const char *path, uint64_t inode, struct vae_err *);
void state_drop(struct vae_state *, size_t file);
/* The place becomes this one. */
int state_set_place(struct state_file *, const struct stream_place *, struct vae_err *);

/* Finds all files of these operands, those that were rotated away too, and opens the ones in which there is something
 * to read. VAE_EUSAGE: an operand is no regular file; VAE_ENOINPUT: none is there; VAE_EOS, VAE_EIO. */
int state_plan(struct vae_state *, char *const *paths, size_t n, struct vae_err *);

/* Opens what is appended to, cut back to the rows that are done. Where it is new or was moved away, *at is 0 and it
 * begins with a header. VAE_EUSAGE: no regular file; VAE_EDATA: it has other columns; VAE_ECREATE; VAE_EIO. */
int state_output(struct vae_state *, const char *path, const struct vae_head *, uint64_t *at, struct vae_err *);

#endif
