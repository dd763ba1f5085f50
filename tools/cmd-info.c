// SPDX-License-Identifier: MIT
/* sluice info, dmesg, domid, domname, vcpu-list, vcpu-set. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <xenstore.h>

#include "common/log.h"
#include "tools/client.h"
#include "tools/rundir.h"
#include "xenstore/xsnode.h"

/* Whether help was asked for, or the number of words is wrong; then *status is the exit status. */
static bool no_words(int argc, char **argv, int min, int max, const char *what, const char *text,
	int *status)
{
	bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

	if (!help && argc - 1 >= min && argc - 1 <= max && (argc < 2 || argv[1][0] != '-'))
		return false;
	if (help)
		printf("Usage: sluice %s %s\n%s\n", argv[0], what, text);
	else
		log_err("so it is used: sluice %s %s", argv[0], what);
	*status = !help;
	return true;
}

/* --- info, dmesg ------------------------------------------------------- */

struct count {
	unsigned vms;
	unsigned long memory;
	unsigned vcpus;
};

static void count_vm(const struct client_vm *vm, void *opaque)
{
	struct count *c = opaque;

	c->vms += strcmp(vm->type, "process") != 0;
	c->memory += vm->memory_mib;
	c->vcpus += vm->vcpus;
}

int verb_info(int argc, char **argv)
{
	unsigned long mib = (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
	struct count count = { .vms = 0 };
	char dir[108] = "none";
	struct utsname u;
	int status;

	if (no_words(argc, argv, 0, 0, "", "Shows the host, and what your vms take of it.", &status))
		return status;
	uname(&u);
	status = client_each(count_vm, &count) < 0;
	status |= client_stack(dir, sizeof(dir)) == -ETIMEDOUT;
	printf("%-23s: %s\n%-23s: %s\n%-23s: %s\n", "host", u.nodename, "release", u.release, "machine",
		u.machine);
	printf("%-23s: %ld\n", "nr_cpus", sysconf(_SC_NPROCESSORS_ONLN));
	printf("%-23s: %lu\n", "total_memory",
		(unsigned long)sysconf(_SC_PHYS_PAGES) * mib / 1024);
	printf("%-23s: %lu\n", "free_memory", (unsigned long)sysconf(_SC_AVPHYS_PAGES) * mib / 1024);
	printf("%-23s: %s\n", "kvm", access("/dev/kvm", R_OK | W_OK) == 0 ? "yes" : strerror(errno));
	printf("%-23s: %u\n%-23s: %lu\n%-23s: %u\n", "vms", count.vms, "vms_memory", count.memory,
		"vms_vcpus", count.vcpus);
	printf("%-23s: %s\n%-23s: %s\n", "stack", dir, "sluice_version", PACKAGE_VERSION);
	return status;
}

int verb_dmesg(int argc, char **argv)
{
	char path[140], text[4096], dir[108];
	CLEANUP_CLOSE int fd = -1;
	ssize_t n;
	int status;

	if (no_words(argc, argv, 0, 0, "", "Shows what the parts of the stack of sluice create said.", &status))
		return status;
	if (client_stack(dir, sizeof(dir)) == -ENOENT) {
		log_err("no vm of sluice create runs, and no stack for it");
		return 1;
	}
	snprintf(path, sizeof(path), "%s/" BOOT_LOG, dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	return fd < 0;
}

/* --- names ------------------------------------------------------------- */

int verb_domid(int argc, char **argv)
{
	bool name = strcmp(argv[0], "domname") == 0;
	struct client_vm vm;
	int status;

	if (no_words(argc, argv, 1, 1, name ? "ID" : "NAME", name ? "Shows the name of a vm." :
			"Shows the number of a vm.", &status))
		return status;
	if (client_find(argv[1], &vm) < 0)
		return 1;
	name ? printf("%s\n", vm.name) : printf("%u\n", vm.domid);
	return 0;
}

/* --- virtual CPUs ------------------------------------------------------ */

static char *availability(struct xs_handle *xs, const struct client_vm *vm, unsigned cpu)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/local/domain/%u/cpu/%u", vm->domid, cpu);
	return xsn_read(xs, XBT_NULL, dir, "availability");
}

static void list_vcpus(const struct client_vm *vm, void *opaque)
{
	struct xs_handle *xs = client_store(vm);

	for (unsigned i = 0; xs; i++) {
		CLEANUP_FREE char *state = availability(xs, vm, i);

		if (!state)
			break;
		printf("%-24s %5u %5u  %s\n", vm->name, vm->domid, i, state);
	}
	if (xs)
		xs_close(xs);
}

int verb_vcpu_list(int argc, char **argv)
{
	struct client_vm vm;
	int status;

	if (no_words(argc, argv, 0, 64, "[NAME..]", "Shows which virtual CPUs vms are to use.", &status))
		return status;
	printf("%-24s %5s %5s  %s\n", "Name", "ID", "VCPU", "State");
	status = argc < 2 && client_each(list_vcpus, NULL) < 0;
	for (int i = 1; i < argc; i++) {
		if (client_find(argv[i], &vm) < 0)
			return 1;
		list_vcpus(&vm, NULL);
	}
	return status;
}

static unsigned count_vcpus(struct xs_handle *xs, const struct client_vm *vm)
{
	unsigned n = 0;
	char *state;

	while ((state = availability(xs, vm, n))) {
		free(state);
		n++;
	}
	return n;
}

static int set_vcpus(struct xs_handle *xs, const struct client_vm *vm, unsigned wanted)
{
	unsigned most = count_vcpus(xs, vm);
	char dir[64];

	if (!wanted || wanted > most) {
		log_err("%s can have 1 to %u virtual CPUs; maxvcpus= in its configuration says how many", vm->name,
			most);
		return 1;
	}
	for (unsigned i = 0; i < most; i++) {
		int error;

		snprintf(dir, sizeof(dir), "/local/domain/%u/cpu/%u", vm->domid, i);
		error = xsn_write(xs, XBT_NULL, dir, "availability", i < wanted ? "online" : "offline");
		if (error < 0) {
			log_err("the store refuses that: %s", strerror(-error));
			return 1;
		}
	}
	return 0;
}

int verb_vcpu_set(int argc, char **argv)
{
	struct client_vm vm;
	struct xs_handle *xs;
	uint64_t wanted;
	int status;

	if (no_words(argc, argv, 2, 2, "NAME COUNT", "Tells a guest how many of its virtual CPUs to use.",
			&status))
		return status;
	if (xsn_parse_u64(argv[2], STACK_VM_MAX_VCPUS, &wanted) < 0) {
		log_err("%s is no number of virtual CPUs", argv[2]);
		return 1;
	}
	xs = client_find(argv[1], &vm) < 0 ? NULL : client_store(&vm);
	if (!xs)
		return 1;
	status = set_vcpus(xs, &vm, (unsigned)wanted);
	xs_close(xs);
	return status;
}
