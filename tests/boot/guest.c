// SPDX-License-Identifier: MIT
/*
 * A kernel for tests of sluice boot, which needs nothing but a console and a store. Its
 * command line is said on the console; "poweroff", "reboot", "crash", "triple" do that at
 * once, "obey" waits for control/shutdown in the store, and for the keys p, r, c on the
 * console, "disk" says how many disks the store has for it, "flood" says very much. With
 * "hotplug" before it, "obey" says how many disks there are whenever that changes, and lets
 * go of those whose backend wants to close.
 */
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <xen/sched.h>
#include <xen/arch-x86/hvm/start_info.h>

#define HYPERCALL_MSR 0x40000000

long guest_call(long number, long a, void *b);
void guest_main(const struct hvm_start_info *info);
extern uint8_t hypercall_page[];

static struct xencons_interface *console;
static struct xenstore_domain_interface *store;
static uint32_t console_port, store_port;

static uint64_t get_param(uint32_t index)
{
	struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

	guest_call(__HYPERVISOR_hvm_op, HVMOP_get_param, &p);
	return p.value;
}

static void yield(void)
{
	guest_call(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

static void notify(uint32_t port)
{
	struct evtchn_send send = { .port = port };

	guest_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

static void end(unsigned reason)
{
	struct sched_shutdown shutdown = { .reason = reason };

	guest_call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &shutdown);
}

static void triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

/* --- console ----------------------------------------------------------- */

static void put(char c)
{
	uint32_t prod = console->out_prod;

	while (prod - __atomic_load_n(&console->out_cons, __ATOMIC_ACQUIRE) == sizeof(console->out))
		yield();
	console->out[prod % sizeof(console->out)] = c;
	__atomic_store_n(&console->out_prod, prod + 1, __ATOMIC_RELEASE);
}

static void say(const char *text)
{
	while (*text)
		put(*text++);
	notify(console_port);
}

/* A key, or 0. */
static char get_key(void)
{
	uint32_t cons = console->in_cons;
	char c;

	if (__atomic_load_n(&console->in_prod, __ATOMIC_ACQUIRE) == cons)
		return 0;
	c = console->in[cons % sizeof(console->in)];
	__atomic_store_n(&console->in_cons, cons + 1, __ATOMIC_RELEASE);
	notify(console_port);
	return c;
}

/* --- store ------------------------------------------------------------- */

static void store_put(const void *data, size_t len)
{
	const char *bytes = data;

	while (len--) {
		uint32_t prod = store->req_prod;

		while (prod - __atomic_load_n(&store->req_cons, __ATOMIC_ACQUIRE) == XENSTORE_RING_SIZE)
			yield();
		store->req[MASK_XENSTORE_IDX(prod)] = *bytes++;
		__atomic_store_n(&store->req_prod, prod + 1, __ATOMIC_RELEASE);
	}
}

static void store_get(void *data, size_t len)
{
	char *bytes = data;

	while (len--) {
		uint32_t cons = store->rsp_cons;

		while (__atomic_load_n(&store->rsp_prod, __ATOMIC_ACQUIRE) == cons)
			yield();
		*bytes++ = store->rsp[MASK_XENSTORE_IDX(cons)];
		__atomic_store_n(&store->rsp_cons, cons + 1, __ATOMIC_RELEASE);
	}
	notify(store_port);
}

/* One request; the reply's body with a NUL, "" for an error. */
static void store_ask(uint32_t type, const char *body, size_t len, char *reply, size_t room)
{
	struct xsd_sockmsg head = { .type = type, .len = (uint32_t)len };
	char byte;

	store_put(&head, sizeof(head));
	store_put(body, len);
	notify(store_port);
	store_get(&head, sizeof(head));
	for (uint32_t i = 0; i < head.len; i++) {
		store_get(&byte, 1);
		if (i + 1 < room)
			reply[i] = byte;
	}
	reply[head.type == XS_ERROR ? 0 : head.len < room ? head.len : room - 1] = '\0';
}

/* --- orders ------------------------------------------------------------ */

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void obey_word(const char *word)
{
	if (same(word, "poweroff"))
		end(SHUTDOWN_poweroff);
	if (same(word, "reboot"))
		end(SHUTDOWN_reboot);
	if (same(word, "crash"))
		end(SHUTDOWN_crash);
	if (same(word, "triple"))
		triple_fault();
}

static int hotplug;

/* @dir without its end NUL, and @name; @to has room for both. */
static size_t join(char *to, const char *dir, const char *name)
{
	size_t n = 0;

	while (*dir)
		to[n++] = *dir++;
	while (*name)
		to[n++] = *name++;
	to[n++] = '\0';
	return n;
}

/* A disk whose backend is Closing or Closed is let go: our state becomes Closed. */
static void answer_backend(const char *vdev)
{
	char dir[64], node[256], backend[128], state[16], reply[16];
	size_t n;

	join(dir, "device/vbd/", vdev);
	n = join(node, dir, "/backend");
	store_ask(XS_READ, node, n, backend, sizeof(backend));
	n = join(node, backend, "/state");
	store_ask(XS_READ, node, n, state, sizeof(state));
	if (state[0] != '5' && state[0] != '6')
		return;
	n = join(node, dir, "/state");
	node[n] = '6';
	store_ask(XS_WRITE, node, n + 1, reply, sizeof(reply));
}

static void look_at_disks(void)
{
	static const char node[] = "device/vbd";
	static int known = -1;
	char names[512], text[] = "0 disks now\n";

	store_ask(XS_DIRECTORY, node, sizeof(node), names, sizeof(names));
	for (char *name = names; *name; name++) {
		answer_backend(name);
		text[0]++;
		while (*name)
			name++;
	}
	if (text[0] == known)
		return;
	known = text[0];
	say(text);
}

static void obey(void)
{
	static const char node[] = "control/shutdown", done[] = "control/shutdown\0";
	char value[64], reply[64];

	say("obeying\n");
	for (;;) {
		char key = get_key();

		if (key)
			put(key), notify(console_port);
		obey_word(key == 'p' ? "poweroff" : key == 'r' ? "reboot" : key == 'c' ? "crash" : "");
		store_ask(XS_READ, node, sizeof(node), value, sizeof(value));
		if (value[0]) {
			/* As the protocol has it: the order is taken. */
			store_ask(XS_WRITE, done, sizeof(done) - 1, reply, sizeof(reply));
			say("asked to ");
			say(value);
			say("\n");
			obey_word(value);
		}
		if (hotplug)
			look_at_disks();
		for (int i = 0; i < 50; i++)
			yield();
	}
}

static void count_disks(void)
{
	static const char node[] = "device/vbd";
	char value[512], text[] = "0 disks\n";

	store_ask(XS_DIRECTORY, node, sizeof(node), value, sizeof(value));
	for (size_t i = 0; value[i]; text[0]++)
		while (value[i++])
			;
	say(text);
}

static void flood(void)
{
	for (unsigned i = 0; i < 1500; i++)
		say("0123456789012345678901234567890123456789012345678\n");
	say("flooded\n");
}

void guest_main(const struct hvm_start_info *info)
{
	char *line = (char *)info->cmdline_paddr;
	uint64_t page = (uint64_t)hypercall_page;

	__asm__ volatile("wrmsr" : : "c"(HYPERCALL_MSR), "a"((uint32_t)page), "d"(0));
	console = (void *)(get_param(HVM_PARAM_CONSOLE_PFN) << 12);
	console_port = (uint32_t)get_param(HVM_PARAM_CONSOLE_EVTCHN);
	store = (void *)(get_param(HVM_PARAM_STORE_PFN) << 12);
	store_port = (uint32_t)get_param(HVM_PARAM_STORE_EVTCHN);
	say("booted: ");
	say(line);
	say("\n");
	while (*line) {
		char *word = line;

		while (*line && *line != ' ')
			line++;
		if (*line)
			*line++ = '\0';
		obey_word(word);
		if (same(word, "disk"))
			count_disks();
		if (same(word, "hotplug"))
			hotplug = 1;
		if (same(word, "flood"))
			flood();
		if (same(word, "obey"))
			obey();
	}
	say("no order\n");
}
