/* cli_signal.c - SIGINT and SIGTERM as a wish that is asked for, so that a run can end in order. */
#include "cli.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void catch (int number) { caught = number; }

void cli_signals_catch(void) {
    static const int number[] = {SIGINT, SIGTERM};
    struct sigaction ours = {.sa_handler = catch, .sa_flags = SA_RESTART | (int)SA_RESETHAND}, old;
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < sizeof number / sizeof *number; i++)
        if (sigaction(number[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(number[i], &ours, NULL);
}

bool cli_signal_caught(void) { return caught != 0; }

void cli_signal_raise(void) {
    if (!caught)
        return;
    signal(caught, SIG_DFL);
    raise(caught);
}
