/* cli_help.c - the text of --help, made from the table of options. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 30 }; /* where explanations begin */

void cli_help(const struct cli_command *c) {
    printf("usage: %s [options]%s%s\n", c->name, c->operands ? " " : "", c->operands ? c->operands : "");
    printf("%s\n\n", c->about);
    for (const struct cli_opt *o = c->options; o->name; o++) {
        char left[80], names[160], value[160];
        int n = o->c ? snprintf(left, sizeof left, "  -%c, --%s", o->c, o->name)
                     : snprintf(left, sizeof left, "      --%s", o->name);
        if (o->arg)
            snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
        printf("%-*s  %s", COLUMN - 2, left, o->help);
        if (o->names)
            printf(" (%s", cli_names_list(o->names, names, sizeof names));
        if (*cli_value_show(o, value, sizeof value))
            printf("%sdefault %s", o->names ? "; " : " (", value);
        puts(o->names || *value ? ")" : "");
    }
}
