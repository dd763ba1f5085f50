// SPDX-License-Identifier: MIT
/*
 * sluice-builder: fills the memory of one vm and ends. It gives up all rights but those
 * to its inputs and its answer before it looks at the first byte of a kernel or an initrd.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "hypervisor/build/build.h"
#include "hypervisor/build/confine.h"
#include "hypervisor/build/input.h"
#include "hypervisor/vm/layout.h"

/* For libraries, their work memory, stack and heap. */
#define MEMORY_FOR_SELF (512ull << 20)

struct options {
	struct build_fds fds;
	const char *cmdline;
};

enum { OPT_HYPERVISOR_FD = 256, OPT_KERNEL_FD, OPT_INITRD_FD, OPT_CMDLINE };

static const struct option long_options[] = {
	{ "hypervisor-fd", required_argument, NULL, OPT_HYPERVISOR_FD },
	{ "kernel-fd", required_argument, NULL, OPT_KERNEL_FD },
	{ "initrd-fd", required_argument, NULL, OPT_INITRD_FD },
	{ "cmdline", required_argument, NULL, OPT_CMDLINE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	puts("usage: sluice-builder --hypervisor-fd=N --kernel-fd=N [--initrd-fd=N] [--cmdline=TEXT]\n"
	     "\n"
	     "Puts a kernel into the memory of a new vm and ends. Started by the toolstack.\n"
	     "\n"
	     "  --hypervisor-fd=N  a socket whose other end the hypervisor has\n"
	     "  --kernel-fd=N      the kernel: a bzImage, or an ELF file with a PVH entry\n"
	     "  --initrd-fd=N      the initial RAM disk\n"
	     "  --cmdline=TEXT     the kernel's command line\n"
	     "  --help, --version");
}

static _Noreturn void bad_usage(const char *why, const char *what)
{
	log_err("%s%s; see --help", why, what);
	exit(2);
}

static int parse_fd(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > INT_MAX)
		bad_usage("not the number of a descriptor: ", text);
	return n;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){ { -1, -1, -1 }, "" };
	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_HYPERVISOR_FD:
			o->fds.hypervisor = parse_fd(optarg);
			break;
		case OPT_KERNEL_FD:
			o->fds.kernel = parse_fd(optarg);
			break;
		case OPT_INITRD_FD:
			o->fds.initrd = parse_fd(optarg);
			break;
		case OPT_CMDLINE:
			o->cmdline = optarg;
			break;
		case 'h':
			usage();
			exit(0);
		case 'V':
			puts("sluice-builder " PACKAGE_VERSION);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		bad_usage("not an option: ", argv[optind]);
	if (o->fds.hypervisor < 0 || o->fds.kernel < 0)
		bad_usage("--hypervisor-fd and --kernel-fd are needed", "");
}

/* Returns the memfd of the vm's memory. */
static int receive_order(int sock, struct build_order *order)
{
	struct build_error err = { "" };
	unsigned nfds = 1;
	int fd = -1;
	ssize_t n = fd_recv(sock, order, sizeof(*order), &fd, &nfds);

	if (n < 0)
		die("no order from the hypervisor: %s", strerror(-n));
	if (n == 0)
		die("no order from the hypervisor: it closed the connection");
	if (n != sizeof(*order) || nfds != 1)
		die("an order of %zd bytes with %u descriptors from the hypervisor; install both "
		    "programs from the same release", n, nfds);
	if (place_check_order(order, &err) < 0)
		die("%s", err.text);
	return fd;
}

static uint8_t *map_part(int memfd, uint64_t offset, uint64_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, offset);

	if (at == MAP_FAILED)
		die("cannot map the guest's memory: %s", strerror(errno));
	return at;
}

static struct build_memory map_memory(int memfd, const struct build_order *order)
{
	uint64_t low = order->ram_bytes < VM_LOW_RAM_MAX ? order->ram_bytes : VM_LOW_RAM_MAX;
	struct stat st;

	/* Beyond its end a write would end us with SIGBUS. */
	if (fstat(memfd, &st) < 0 || (uint64_t)st.st_size < order->ram_bytes + VM_SPECIAL_SIZE)
		die("the hypervisor gave less memory than it ordered to fill");
	return (struct build_memory){
		.low = map_part(memfd, 0, low),
		.special = map_part(memfd, order->ram_bytes, VM_SPECIAL_SIZE),
	};
}

static void look_at(struct input *in, int fd, const char *what)
{
	struct build_error err = { "" };

	if (input_init(in, fd, what, &err) < 0)
		die("%s", err.text);
}

static void confine(const struct build_fds *fds)
{
	int rc = build_confine(fds, VM_LOW_RAM_MAX + VM_SPECIAL_SIZE + 2 * BUILD_FILE_MAX +
		MEMORY_FOR_SELF);

	if (rc == -ENOTSUP)
		log_warn("built without libseccomp: this builder is not confined; "
			 "install libseccomp-dev and build again");
	else if (rc < 0)
		die("cannot confine the builder: %s", strerror(-rc));
}

/* The file's bytes, in memory that stays until the end: this process is short. */
static const uint8_t *read_kernel(const struct input *in, size_t *len)
{
	size_t room = in->seekable ? in->size : BUILD_FILE_MAX;
	void *to;
	int rc;

	if (room > BUILD_FILE_MAX)
		die("%s: the file has %llu MiB, more than %llu", in->name, build_mib(in->size),
			build_mib(BUILD_FILE_MAX));
	to = mmap(NULL, room ? room : 1, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (to == MAP_FAILED)
		die("%s: no memory to read it: %s", in->name, strerror(errno));
	rc = input_read(in, to, room, len);
	if (rc == -EFBIG)
		die("%s: %s", in->name, in->seekable ? "the file grew while it was read" :
			"more than 1024 MiB");
	if (rc < 0)
		die("%s: cannot read it: %s", in->name, strerror(-rc));
	return to;
}

static uint64_t read_initrd(const struct input *in, const struct build_memory *mem,
	const struct place *place)
{
	uint64_t room = place->low - place->initrd;
	size_t len;
	int rc = in->size > room ? -EFBIG : input_read(in, mem->low + place->initrd, room, &len);

	if (rc == -EFBIG)
		die("%s: it does not fit behind the kernel into %llu MiB%s; give the guest more memory",
			in->name, build_mib(place->low),
			place->high ? " below the gap for devices" : "");
	if (rc < 0)
		die("%s: cannot read it: %s", in->name, strerror(-rc));
	return len;
}

/* Everything that needs rights; returns without them. */
static struct build_memory prepare(const struct options *o, struct build_order *order,
	struct input *kernel, struct input *initrd)
{
	struct build_memory mem;
	int memfd, rc = build_close_others(&o->fds);

	if (rc < 0)
		die("cannot close inherited descriptors: %s", strerror(-rc));
	/* First: where one of them is not open the memfd would take its place. */
	look_at(kernel, o->fds.kernel, "kernel");
	if (o->fds.initrd >= 0)
		look_at(initrd, o->fds.initrd, "initrd");
	memfd = receive_order(o->fds.hypervisor, order);
	mem = map_memory(memfd, order);
	close(memfd);
	confine(&o->fds);
	return mem;
}

int main(int argc, char **argv)
{
	struct input kernel, initrd = { .fd = -1 };
	struct build_error err = { "" };
	struct build_result result;
	struct build_memory mem;
	struct build_order order;
	const uint8_t *file;
	uint64_t initrd_bytes = 0;
	struct place place;
	struct options o;
	size_t len;
	int rc;

	log_init("sluice-builder");
	parse_options(argc, argv, &o);
	mem = prepare(&o, &order, &kernel, &initrd);
	file = read_kernel(&kernel, &len);
	if (build_kernel(&mem, &order, file, len, strlen(o.cmdline), &place, &result, &err) < 0)
		die("%s: %s", kernel.name, err.text);
	if (initrd.fd >= 0)
		initrd_bytes = read_initrd(&initrd, &mem, &place);
	build_finish(&mem, &order, &place, o.cmdline, initrd_bytes, &result);
	rc = fd_send(o.fds.hypervisor, &result, sizeof(result), NULL, 0);
	if (rc < 0)
		die("cannot answer the hypervisor: %s", strerror(-rc));
	return 0;
}
