/* vae-info.c - what a model or a stream is; reads all of it, so that every checksum is verified. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool json, schema;
} o;

static const struct cli_opt options[] = {
    {.name = "json", .kind = CLI_FLAG, .to = &o.json, .help = "one JSON document a file instead of text"},
    {.name = "schema", .kind = CLI_FLAG, .to = &o.schema, .help = "only a model's columns, as CSV for vae-fit --schema"},
    CLI_OPT_FROM,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-info", "[FILE ...]",
    "Says what models and streams of records are, and verifies them whole.",
    options,
};

/* Prints what was found, with members or lines of the command's own around it; text is freed. */
static void print(struct cli_run *r, const char *path, char *text) {
    if (!text) {
        cli_fail(&r->err, VAE_EOS, "out of memory");
        return;
    }
    if (o.json) {
        fputs("{\"file\":", stdout);
        cli_json_string(stdout, path);
        if (!r->model)
            printf(",\"rows\":%" PRIu64 ",\"bad_rows\":%" PRIu64, r->rows, r->bad_rows);
        bool ok = !r->err.code && !r->bad_rows;
        printf(",\"ok\":%s,\"%s\":%s}\n", ok ? "true" : "false", r->model ? "model" : "stream", text);
    } else {
        char name[4096];
        printf("file         %s\n%s", vae_quote(name, sizeof name, path, strlen(path)), text);
        if (!r->model)
            printf("rows         %" PRIu64 "\n", r->rows);
        if (r->bad_rows)
            printf("bad rows     %" PRIu64 "\n", r->bad_rows);
    }
    free(text);
}

static void model_info(struct cli_run *r, const char *path) {
    if (!cli_model(r, strcmp(path, "-") ? path : "/dev/stdin"))
        return;
    r->err.code = 0;
    if (o.schema) {
        char *text = vae_model_schema(r->model);
        if (text)
            fputs(text, stdout);
        else
            cli_fail(&r->err, VAE_EOS, "out of memory");
        free(text);
        return;
    }
    print(r, path, vae_model_describe(r->model, o.json));
}

static void stream_info(struct cli_run *r, char *path) {
    if (!cli_in(r, &path, 1, NULL)) /* says what is wrong with the file, if it is there at all */
        return;
    if (o.schema) {
        cli_fail(&r->err, VAE_EDATA, "%s: not a model: --schema is of models", path);
        return;
    }
    cli_pump(r);
    print(r, path, vae_head_describe(vae_in_head(r->in), o.json));
    if (r->bad_rows && !r->err.code)
        cli_fail(&r->err, VAE_EDATA, "%s: %" PRIu64 " bad row%s", path, r->bad_rows, r->bad_rows == 1 ? "" : "s");
}

int main(int argc, char **argv) {
    static char standard_input[] = "-";
    size_t n = cli_begin(&command, argc, argv);
    int status = 0;
    for (size_t i = 0; i < n || i == 0; i++) {
        struct cli_run r = {0};
        char *path = n ? argv[i + 1] : standard_input;
        if (i > 0 && !o.json && !o.schema)
            putchar('\n');
        cli.skip_bad = true; /* bad records are counted, all of them, and tell in the exit status */
        if (cli_is_model(path))
            model_info(&r, path);
        else
            stream_info(&r, path);
        if (!r.err.code)
            cli_write(NULL, "", &r.err); /* finds out whether it could be written */
        cli.skip_bad = false;
        int s = cli_end(&r);
        status = status ? status : s;
    }
    return status;
}
