/* cli_rules.c - which options go with one another, as a table that a command has instead of a function. */
#include "cli.h"

#include <string.h>

/* The first of these names, with blanks between, that was given -> name; false: none was. */
static bool any_given(const char *names, char name[32]) {
    while (*names) {
        size_t n = strcspn(names, " ");
        snprintf(name, 32, "%.*s", (int)n, names);
        if (cli_given(name))
            return true;
        names += n + strspn(names + n, " ");
    }
    return false;
}

void cli_rules(const struct cli_rule *rule) {
    char name[32];
    for (; rule->option; rule++) {
        if (!cli_given(rule->option))
            continue;
        if (rule->why && any_given(rule->others, name))
            cli_usage("--%s %s: --%s does not go with it", rule->option, rule->why, name);
        if (!rule->why && !any_given(rule->others, name))
            cli_usage("--%s goes with --%s", rule->option, rule->others);
    }
}
