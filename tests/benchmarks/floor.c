/* The floor beneath any event loop: a heap of 32-byte events, and nothing that they do.
 *
 *     floor SIZE EVENTS     prints the CPU nanoseconds of one event
 *
 * An event is taken from a heap of SIZE, and put back for a later time, EVENTS times. The heap has
 * four children a node and the order of meshlab's: by time, then by sequence number.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    double time;
    int64_t sequence;
    int32_t kind, a, b, c;
} Event;

static Event *heap;
static int64_t used;
static uint64_t state = 88172645463325252ULL;

static int before(const Event *x, const Event *y)
{
    return x->time < y->time || (x->time == y->time && x->sequence < y->sequence);
}

static void push(Event event)
{
    int64_t place = used++;
    while (place > 0) {
        int64_t parent = (place - 1) >> 2;
        if (before(&heap[parent], &event))
            break;
        heap[place] = heap[parent];
        place = parent;
    }
    heap[place] = event;
}

static Event pop(void)
{
    Event first = heap[0], moved = heap[--used];
    int64_t place = 0;
    for (;;) {
        int64_t best = 4 * place + 1;
        if (best >= used)
            break;
        int64_t end = best + 4 < used ? best + 4 : used;
        for (int64_t child = best + 1; child < end; child++)
            if (before(&heap[child], &heap[best]))
                best = child;
        if (before(&moved, &heap[best]))
            break;
        heap[place] = heap[best];
        place = best;
    }
    heap[place] = moved;
    return first;
}

/* xorshift64: as cheap as random numbers can be. */
static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1.0p-53;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    int64_t size = atoll(words[1]), events = atoll(words[2]), sequence = 0;
    heap = malloc((size_t)(size + 1) * sizeof(Event));
    if (size < 1 || events < 1 || heap == NULL)
        return 2;
    for (int64_t i = 0; i < size; i++)
        push((Event){uniform(), ++sequence, 0, (int32_t)i, 0, 0});
    double began = cpu_seconds();
    for (int64_t i = 0; i < events; i++) {
        Event event = pop();
        event.time += 2.0 * uniform();
        event.sequence = ++sequence;
        push(event);
    }
    printf("%.2f\n", 1e9 * (cpu_seconds() - began) / (double)events);
    return 0;
}
