/* test_schedule.c - the schedule as a function of the step, by hand; its controller on plants whose end is known. */
#include "fit/schedule.h"
#include "test.h"

static struct train_config config(void) {
    return (struct train_config){.steps = 2000, .lr = 1e-3f, .beta = 2, .warmup = 0.25f, .free_nats = 0.5f};
}

static struct schedule at(const struct train_config *c, size_t step) { return schedule_at(c, &(struct schedule_state){0}, step); }

static bool near(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b) + 1e-12; }

static void test_rate(void) {
    struct train_config c = config();
    CHECK(near(at(&c, 1).lr, 1e-5) && near(at(&c, 50).lr, 5e-4) && near(at(&c, 100).lr, 1e-3), "up to step 100");
    double half = 1e-3 * (0.01 + 0.99 * 0.5);
    CHECK(fabs(at(&c, 1050).lr / half - 1) < 2e-3, "half way down: %g", at(&c, 1050).lr);
    CHECK(at(&c, 2000).lr > 1e-5 && at(&c, 2000).lr < 1.01e-5, "the end: %g", at(&c, 2000).lr);
    c.steps = 50; /* ten steps at least */
    CHECK(near(at(&c, 5).lr, 5e-4), "a short run");
    c.steps = 1000000; /* five hundred at most */
    CHECK(near(at(&c, 250).lr, 5e-4) && near(at(&c, 500).lr, 1e-3), "a long run");
}

static void test_beta(void) {
    struct train_config c = config();
    static const struct {
        size_t step;
        double beta, free;
        bool settled;
    } once[] = {{1, 2.0 / 500, 0.5, false}, {250, 1, 0.5, false}, {499, 2 * 499.0 / 500, 0.5, false}, {500, 2, 0, true},
                {2000, 2, 0, true}},
      /* four cycles of 500, the first quarter of each rises */
      four[] = {{1, 2.0 / 125, 0.5, false}, {125, 2, 0, false}, {500, 2, 0, false}, {501, 2.0 / 125, 0.5, false}, {1000, 2, 0, false},
                {1501, 2.0 / 125, 0.5, false}, {1562, 2 * 62.0 / 125, 0.5, false}, {1625, 2, 0, true}, {2000, 2, 0, true}};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        struct schedule s = at(&c, once[i].step);
        CHECK(near(s.beta, once[i].beta) && near(s.free_nats, once[i].free) && s.settled == once[i].settled, "step %zu: %g, %g free, %d",
              once[i].step, s.beta, s.free_nats, s.settled);
    }
    c.cycles = 4;
    for (size_t i = 0; i < sizeof four / sizeof *four; i++) {
        struct schedule s = at(&c, four[i].step);
        CHECK(near(s.beta, four[i].beta) && near(s.free_nats, four[i].free) && s.settled == four[i].settled,
              "cycles, step %zu: %g, %g free, %d", four[i].step, s.beta, s.free_nats, s.settled);
    }
    c.cycles = 1;
    c.warmup = 0.5f;
    CHECK(near(at(&c, 500).beta, 1) && !at(&c, 999).settled && at(&c, 1000).settled, "one cycle is a warm-up");
    c.cycles = 0, c.warmup = 0;
    CHECK(near(at(&c, 1).beta, 2) && at(&c, 1).free_nats == 0 && at(&c, 1).settled, "no warm-up");
    CHECK(!schedule_watches(&c), "nothing to watch");
}

/* The first steps of the formula by hand. */
static void test_formula(void) {
    struct train_config c = {.steps = 4000, .lr = 1e-3f, .warmup = 0.5f, .capacity = 3};
    struct schedule_state s = {0};
    CHECK(schedule_watches(&c) && near(schedule_at(&c, &s, 1).beta, 1), "nothing seen: beta 1");
    schedule_watch(&c, &s, 2000, 2, 7e9); /* of a KL; the error is not looked at */
    double rate = 20 * 7.0 / 4000, lr = schedule_at(&c, &s, 2000).lr, e = log(2.0 / 3), i = 4 * rate * sqrt(lr / 1e-3) * e;
    CHECK(fabs(s.weight / i - 1) < 1e-6, "i %g, should be %g", s.weight, i);
    CHECK(fabs(schedule_at(&c, &s, 2001).beta / exp(i + e) - 1) < 1e-6, "beta %g", schedule_at(&c, &s, 2001).beta);
    /* half way the target is half of it; an error below a sixth of it is as good as one */
    CHECK(fabs(log(schedule_at(&c, &s, 1000).beta) - (i + log(2.0 / 1.5))) < 1e-6, "a target on its way");
    schedule_watch(&c, &s, 2004, 4, 0); /* the second look: both means are 3 */
    CHECK(fabs(schedule_at(&c, &s, 2001).beta / exp(s.weight) - 1) < 1e-9, "at the target beta is exp(i)");
    schedule_watch(&c, &s, 2008, NAN, 1);
    CHECK(s.watched == 2, "what is no number is not seen");
    c.capacity = 0, c.target_mse = 3;
    s = (struct schedule_state){0};
    schedule_watch(&c, &s, 2000, 7e9, 2);
    CHECK(fabs(s.weight / -i - 1) < 1e-6, "of an error, the other way: %g", s.weight);
    for (size_t k = 0; k < 5000; k++)
        schedule_watch(&c, &s, 100, 0, 1e9);
    CHECK(s.weight == -7 && fabs(schedule_at(&c, &s, 100).beta / exp(-8) - 1) < 1e-9, "it ends somewhere: %g", s.weight);
}

/* log v follows -+gain log beta + offset with a delay of `slow` steps: v must come to the target and stay, beta where that says. */
static void test_plant(bool capacity, size_t steps, double gain, double offset, double slow, double target) {
    struct train_config c = {.steps = steps, .lr = 1e-3f, .warmup = 0.3f};
    *(capacity ? &c.capacity : &c.target_mse) = target;
    struct schedule_state s = {0};
    double v = log(target) + 2, beta = 0;
    bool settled = false;
    for (size_t step = 1; step <= steps; step++) {
        beta = schedule_at(&c, &s, step).beta;
        settled = settled || schedule_at(&c, &s, step).settled;
        double to = offset + (capacity ? -gain : gain) * log(beta);
        v += (to - v) / slow;
        if (step % SCHEDULE_WATCH == 0)
            schedule_watch(&c, &s, step, exp(v), exp(v));
    }
    CHECK(!settled, "a controller never settles");
    CHECK(fabs(v - log(target)) < 0.05, "%s, %zu steps, gain %g, delay %g: %g where %g was asked for", capacity ? "KL" : "error", steps,
          gain, slow, exp(v), target);
    CHECK(fabs(s.seen / exp(v) - 1) < 0.05, "it saw %g of %g", s.seen, exp(v));
}

int main(void) {
    test_rate();
    test_beta();
    test_formula();
    for (int capacity = 0; capacity < 2; capacity++)
        for (size_t steps = 1000; steps <= 16000; steps *= 4)
            for (double gain = 0.3; gain < 1.6; gain += 0.6)
                for (double slow = 10; slow <= 100; slow *= 3)
                    test_plant(capacity, steps, gain, 1.5, slow, exp(2));
    return test_done();
}
