/* cli_help.c - the text of --help, made from the table of options. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 30 /* where explanations begin */, WIDTH = 120 };

/* The text from COLUMN on, in lines that are broken at blanks. */
static void put_wrapped(const char *text) {
    size_t n = strlen(text), most = WIDTH - COLUMN;
    while (n > most) {
        size_t end = most;
        while (end > 0 && text[end] != ' ')
            end--;
        end = end ? end : most;
        printf("%.*s\n%*s", (int)end, text, COLUMN, "");
        text += end + (text[end] == ' ');
        n = strlen(text);
    }
    puts(text);
}

void cli_help(const struct cli_command *c) {
    printf("usage: %s [options]%s%s\n", c->name, c->operands ? " " : "", c->operands ? c->operands : "");
    printf("%s\n\n", c->about);
    for (const struct cli_opt *o = c->options; o->name; o++) {
        char left[80], names[200], value[160], text[512];
        int n = o->c ? snprintf(left, sizeof left, "  -%c, --%s", o->c, o->name)
                     : snprintf(left, sizeof left, "      --%s", o->name);
        if (o->arg)
            snprintf(left + n, sizeof left - (size_t)n, o->optional ? "[=%s]" : " %s", o->arg);
        printf("%-*s  ", COLUMN - 2, left);
        bool shown = *cli_value_show(o, value, sizeof value);
        snprintf(text, sizeof text, "%s%s%s%s%s%s%s", o->help, o->names || shown ? " (" : "",
                 o->names ? cli_names_list(o->names, names, sizeof names) : "", o->names && shown ? "; " : "",
                 shown ? "default " : "", value, o->names || shown ? ")" : "");
        put_wrapped(text);
    }
}
