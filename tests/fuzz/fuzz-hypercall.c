// SPDX-License-Identifier: MIT
/*
 * Hypercalls of two vms that share events and grants with each other and with a process domain.
 * An input is a byte that chooses the event ABI, then a list of records: a byte that says who
 * does what, a byte that chooses the operation, then a byte for each field of its structure,
 * which picks from values that mean something. Between calls the guests scribble over pages that
 * they share with the hypervisor, time goes on, and the process domain does what such domains do.
 *
 * After each input all domains go, and nothing of them may be left: no pinned grant, no
 * descriptor, no reference.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>

#include "common/array.h"
#include "common/log.h"
#include "tests/fuzz/fuzz-hypercall.h"
#include "tests/unit/vm-fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_PAGES 4u   /* of the process domain */
#define FUZZ_GRANTS 32u /* of the process domain */
#define FUZZ_SHORTEST 16u

static struct domain_set fuzz_set;
static struct vm_fake *fuzz_vm[2];
static uint8_t fuzz_pages[FUZZ_PAGES][DOMAIN_PAGE_SIZE] __attribute__((aligned(4096)));
static grant_entry_v1_t fuzz_entries[FUZZ_GRANTS];
static struct domain fuzz_peer;
static bool fuzz_peer_released;

/* The process domain: links are allocations, so that a sanitizer sees what becomes of them. */

static void peer_raise(struct domain *d, uint32_t port)
{
}

static void peer_link_free(struct domain *d, void *link)
{
	free(link);
}

static void *peer_frame_hold(struct domain *d, uint32_t frame, bool write)
{
	return frame < FUZZ_PAGES ? fuzz_pages[frame] : NULL;
}

static void peer_frame_release(struct domain *d, uint32_t frame)
{
}

static int peer_frame_locate(struct domain *d, uint32_t frame, struct frame_place *place)
{
	return -EOPNOTSUPP;
}

static void peer_frame_unlocate(struct domain *d, uint32_t frame)
{
	abort(); /* none was located */
}

static void peer_release(struct domain *d)
{
	domain_fini(d);
	fuzz_peer_released = true;
}

static const struct domain_ops peer_ops = {
	.raise = peer_raise,
	.link_free = peer_link_free,
	.frame_hold = peer_frame_hold,
	.frame_release = peer_frame_release,
	.frame_locate = peer_frame_locate,
	.frame_unlocate = peer_frame_unlocate,
	.release = peer_release,
};

static void put_list(struct vm_fake *fake, const char *fields, struct fuzz_input *in)
{
	uint8_t buf[256];
	size_t len = 0;

	for (unsigned n = fuzz_take(in) % 8; n > 0; n--)
		len += fuzz_put_struct(in, fields, buf + len, sizeof(buf) - len);
	if (mem_write(&fake->vm.mem, FUZZ_LIST + (fuzz_take(in) % 4) * 0xffc, buf, len) < 0)
		return; /* something that may not be written to stands there */
}

/* Args as the hypercall has them: where the structure is differs. */
static void make_args(const struct fuzz_op *op, struct fuzz_input *in, uint64_t args[6])
{
	uint8_t how = fuzz_take(in);
	uint64_t at = how < 0xf0 ? FAKE_ARG : fuzz_pick(in, 'a');

	args[0] = op->cmd;
	args[1] = at;
	args[2] = 0;
	if (op->number == __HYPERVISOR_vcpu_op) {
		args[1] = how % 3 ? how / 3 % FUZZ_VCPUS : fuzz_pick(in, 'v');
		args[2] = at;
	} else if (op->number == __HYPERVISOR_grant_table_op) {
		args[2] = how % 4 ? 1 : fuzz_pick(in, 'c');
	} else if (op->number == __HYPERVISOR_console_io) {
		args[1] = fuzz_pick(in, '8');
		args[2] = at;
	} else if (op->number == __HYPERVISOR_set_timer_op) {
		args[0] = fuzz_pick(in, '8');
	} else if (op->number == __HYPERVISOR_vm_assist) {
		args[1] = fuzz_take(in) % 8;
	}
}

static void fuzz_call(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	uint8_t which = fuzz_take(in);
	const struct fuzz_op *op = &fuzz_ops[which % fuzz_nr_ops];
	/* Some of 32-bit code, which has fewer calls and reads some structures in another layout. */
	struct hypercall call = { .number = op->number, .bits64 = which / fuzz_nr_ops != 1 };
	uint8_t buf[256];
	size_t len = fuzz_put_struct(in, op->fields, buf, sizeof(buf));

	if (op->list)
		put_list(fake, op->list, in);
	make_args(op, in, call.args);
	/* In place of its page something may stand that nobody can write to. */
	if (mem_write(&fake->vm.mem, FAKE_ARG, buf, len) < 0)
		call.args[1] = 0;
	hypercall(&fake->vm.vcpus[vcpu], &call);
}

/* No sense at all, but for the number now and then. */
static void fuzz_raw_call(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	struct hypercall call = { .number = fuzz_take(in) % 64 };

	call.bits64 = fuzz_take(in) % 8;
	call.user = fuzz_take(in) % 16 == 0;
	for (unsigned i = 0; i < 6; i++)
		call.args[i] = fuzz_pick(in, "dgapv48c"[fuzz_take(in) % 8]);
	if (call.number == 63)
		call.number = fuzz_pick(in, '8');
	hypercall(&fake->vm.vcpus[vcpu], &call);
}

static void fuzz_multicall(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	struct multicall_entry calls[4] = { 0 };
	unsigned n = fuzz_take(in) % 8;

	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct fuzz_op *op = &fuzz_ops[fuzz_take(in) % fuzz_nr_ops];
		uint64_t args[6] = { 0 };

		make_args(op, in, args);
		calls[i].op = fuzz_take(in) % 8 ? op->number : __HYPERVISOR_multicall;
		memcpy(calls[i].args, args, sizeof(args));
	}
	if (mem_write(&fake->vm.mem, FUZZ_LIST, calls, sizeof(calls)) < 0)
		return;
	fake_call(fake, vcpu, __HYPERVISOR_multicall, FUZZ_LIST, n, 0);
}

/* What a guest does to its own memory is its own business, also where the hypervisor reads. */
static void fuzz_scribble(struct vm_fake *fake, struct fuzz_input *in)
{
	uint64_t gpa = fuzz_pick(in, 'g') * VM_PAGE + fuzz_take(in) * 4u;
	uint32_t word = fuzz_pick(in, '8');

	for (unsigned n = fuzz_take(in) % 16 + 1; n > 0; n--, gpa += 4)
		if (mem_write(&fake->vm.mem, gpa, &word, sizeof(word)) < 0)
			return;
}

static void fuzz_grant(grant_entry_v1_t *entry, struct fuzz_input *in)
{
	static const uint16_t flags[] = { GTF_permit_access, GTF_permit_access,
		GTF_permit_access | GTF_readonly, 0, GTF_permit_access | GTF_reading,
		GTF_transitive, GTF_accept_transfer, 0xffff };

	__atomic_store_n(&entry->frame, (uint32_t)fuzz_pick(in, 'g'), __ATOMIC_RELAXED);
	__atomic_store_n(&entry->domid, (domid_t)fuzz_pick(in, 'd'), __ATOMIC_RELAXED);
	__atomic_store_n(&entry->flags, flags[fuzz_take(in) % 8], __ATOMIC_RELEASE);
}

static void fuzz_time(struct vm_fake *fake, struct fuzz_input *in)
{
	fake->now += fuzz_pick(in, '8') & 0xffffffffff;
	for (unsigned i = 0; i < FUZZ_VCPUS; i++) {
		struct fake_vcpu *fv = &fake->vcpu[i];

		if (fv->timer && fv->timer <= fake->now)
			vcpu_timer(&fake->vm.vcpus[i]);
		fv->apic_off = fuzz_take(in) & 1;
		vcpu_upcall_again(&fake->vm.vcpus[i]);
	}
}

static void peer_bind(struct fuzz_input *in)
{
	void *link = malloc(1);
	bool listen = fuzz_take(in) & 1;
	uint32_t domid = fuzz_pick(in, 'd');
	int port;

	if (!link)
		return;
	if (listen)
		port = event_alloc_unbound(&fuzz_peer, domid, NULL, link);
	else
		port = event_bind_interdomain(
			&fuzz_set, &fuzz_peer, domid, fuzz_pick(in, 'p'), NULL, &link);
	/* A channel has it then, or, with a vm, has taken it away. */
	if (!listen || port < 0)
		free(link);
}

static void fuzz_peer_act(struct fuzz_input *in)
{
	struct event_status status;

	switch (fuzz_take(in) % 6) {
	case 0:
	case 1:
		peer_bind(in);
		break;
	case 2:
		event_send(&fuzz_set, &fuzz_peer, fuzz_pick(in, 'p'));
		break;
	case 3:
		event_close(&fuzz_set, &fuzz_peer, fuzz_pick(in, 'p'), NULL);
		break;
	case 4:
		fuzz_grant(&fuzz_entries[fuzz_take(in) % FUZZ_GRANTS], in);
		break;
	default:
		event_status(&fuzz_peer, fuzz_pick(in, 'p'), &status);
		break;
	}
}

static void fuzz_record(struct fuzz_input *in)
{
	uint8_t who = fuzz_take(in);
	struct vm_fake *fake = fuzz_vm[who & 1];
	unsigned vcpu = who >> 1 & 3;
	grant_entry_v1_t *table;

	switch (who >> 3) {
	case 0:
		fuzz_raw_call(fake, vcpu, in);
		break;
	case 1:
		fuzz_multicall(fake, vcpu, in);
		break;
	case 2:
	case 3:
		fuzz_scribble(fake, in);
		break;
	case 4:
		fuzz_time(fake, in);
		break;
	case 5:
	case 6:
		table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES);
		fuzz_grant(&table[fuzz_take(in) % 24], in);
		break;
	case 7:
	case 8:
		fuzz_peer_act(in);
		break;
	case 9:
		fake->vm.vcpus[vcpu].up = true;
		fake->moved_gva = fuzz_take(in) % 2 ? FUZZ_LIST + 0x1000 : 0;
		fake->moved_gpa = fuzz_pick(in, 'g') * VM_PAGE;
		break;
	default:
		fuzz_call(fake, vcpu, in);
		break;
	}
}

/* For chance alone these would hardly ever fit together. */
static void setup_shared(unsigned i)
{
	struct vm_fake *fake = fuzz_vm[i];
	grant_entry_v1_t *table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES);
	domid_t other = fuzz_vm[!i]->vm.d.domid;

	for (unsigned ref = 8; ref < 16; ref++) {
		table[ref].frame = 0x300 + ref % 8;
		table[ref].domid = ref % 4 ? other : fuzz_peer.domid;
		table[ref].flags = GTF_permit_access | (ref % 2 ? GTF_readonly : 0);
	}
	for (unsigned n = 0; n < 4; n++)
		if (event_alloc_unbound(&fake->vm.d, n % 2 ? fuzz_peer.domid : other, NULL, NULL) < 0)
			abort();
	fuzz_entries[8 + i].frame = i;
	fuzz_entries[8 + i].domid = fake->vm.d.domid;
	fuzz_entries[8 + i].flags = GTF_permit_access;
}

/* The FIFO ABI, with ports that share a queue. */
static void setup_fifo(struct vm_fake *fake)
{
	struct evtchn_init_control init = { .control_gfn = 0x304 };
	struct evtchn_expand_array expand = { .array_gfn = 0x305 };
	int64_t rc = 0;

	for (init.vcpu = 0; init.vcpu < FUZZ_VCPUS; init.vcpu++, init.offset += 128)
		rc |= fake_op(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &init,
			sizeof(init));
	rc |= fake_op(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, &expand,
		sizeof(expand));
	for (unsigned i = 0; i < 4; i++)
		if (event_bind_ipi(&fake->vm.d, i / 2) < 0)
			abort();
	if (rc)
		abort();
}

static void fuzz_setup(void)
{
	struct domain_limits limits = { .max_ports = 64, .max_grants = FUZZ_GRANTS,
		.max_mapped = 64 };

	domain_set_init(&fuzz_set);
	fuzz_vm[0] = vm_fake_new(&fuzz_set, "one", FUZZ_VCPUS);
	fuzz_vm[1] = vm_fake_new(&fuzz_set, "two", FUZZ_VCPUS);
	memset(fuzz_entries, 0, sizeof(fuzz_entries));
	fuzz_peer_released = false;
	if (domain_init(&fuzz_peer, "peer", &peer_ops, &limits, fuzz_entries) < 0 ||
		domain_set_add(&fuzz_set, &fuzz_peer, DOMID_SELF) < 0)
		abort();
	setup_shared(0);
	setup_shared(1);
}

static void check_no_pins(const struct domain *d)
{
	for (uint32_t i = 0; i < d->grants.nr; i++)
		if (d->grants.active[i].readers || d->grants.active[i].writers)
			abort();
	if (d->maptrack.used)
		abort();
}

/* With event arrays given back, only the vcpu_infos that were registered hold a page. */
static void check_no_frames(struct vm *vm)
{
	uint32_t infos = 0;

	event_reset(&fuzz_set, &vm->d);
	for (unsigned i = 0; i < FUZZ_VCPUS; i++)
		/* One that is at the very start of memory has no address that says so. */
		infos += vm->vcpus[i].info_gpa ||
			(void *)event_abi_vcpu_info(vm->events, i) == vm->mem.base;
	if (vm->mem.pinned != infos)
		abort();
}

static void fuzz_finish(void)
{
	/* As the vms' end does: first what they have of others, then what others have of them. */
	for (unsigned i = 0; i < 2; i++)
		vm_fake_quit(fuzz_vm[i]);
	event_close_owned(&fuzz_set, &fuzz_peer, NULL);
	check_no_pins(&fuzz_vm[0]->vm.d);
	check_no_pins(&fuzz_vm[1]->vm.d);
	check_no_pins(&fuzz_peer);
	check_no_frames(&fuzz_vm[0]->vm);
	check_no_frames(&fuzz_vm[1]->vm);
	for (unsigned i = 0; i < 2; i++)
		vm_fake_free(fuzz_vm[i]);
	domain_set_remove(&fuzz_set, &fuzz_peer);
	domain_put(&fuzz_set, &fuzz_peer);
	if (!fuzz_peer_released)
		abort();
	domain_set_fini(&fuzz_set);
}

/* The lowest free descriptor: it comes back to where it was. */
static int next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int fd = next_descriptor();

	/* Making the domains costs more than so few records are worth. */
	if (size < FUZZ_SHORTEST)
		return 0;
	log_set_level(LOG_LEVEL_ERR);
	fuzz_setup();
	if (fuzz_take(&in) % 2)
		setup_fifo(fuzz_vm[0]);
	while (in.left)
		fuzz_record(&in);
	fuzz_finish();
	if (next_descriptor() != fd)
		abort();
	return 0;
}
