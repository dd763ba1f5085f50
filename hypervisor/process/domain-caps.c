// SPDX-License-Identifier: MIT
/* What a domain's processes may do beyond what their user may. */
#include "config.h"
#include "hypervisor/process/domain-ns.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct caps {
	uint64_t effective, permitted, inheritable;
};

static int caps_get(struct caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	caps->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	caps->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	caps->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int caps_set(const struct caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ caps->effective, caps->permitted, caps->inheritable },
		{ caps->effective >> 32, caps->permitted >> 32, caps->inheritable >> 32 },
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static uint64_t bit(unsigned cap)
{
	return UINT64_C(1) << cap;
}

bool domain_caps_may_map_ids(void)
{
	uint64_t want = bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETFCAP);
	struct caps caps;

	return caps_get(&caps) == 0 && (caps.effective & want) == want;
}

/* No exec, of whatever file, gives more than @keep again. */
static int bounding_drop(uint64_t keep)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap);

		if (has < 0)
			break; /* beyond the last one of this kernel */
		if (has && !(keep & bit(cap)) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return -errno;
	}
	return 0;
}

/* Keep @cap over the own namespaces across exec, also for who is not root. */
static int keep_ambient(struct caps *caps, unsigned cap)
{
	int rc;

	caps->inheritable |= bit(cap);
	rc = caps_set(caps);
	if (rc == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
		rc = -errno;
	return rc;
}

int domain_caps_drop(bool network)
{
	/* Root reads and writes the files of all users; nothing else of what it may is needed. */
	const uint64_t keep = bit(CAP_DAC_OVERRIDE) | (network ? bit(CAP_NET_ADMIN) : 0);
	struct caps caps;
	int rc = caps_get(&caps);

	if (rc < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return rc < 0 ? rc : -errno;
	rc = bounding_drop(keep);
	/* Who is not root gets nothing by an exec: then its bounding set does not matter. */
	if (rc == -EPERM && geteuid() != 0)
		rc = 0;
	if (rc == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		rc = -errno;
	caps.effective &= keep;
	caps.permitted &= keep;
	caps.inheritable = 0;
	if (rc == 0 && network)
		return keep_ambient(&caps, CAP_NET_ADMIN);
	return rc ? rc : caps_set(&caps);
}

int domain_caps_keep_mount(void)
{
	struct caps caps;
	int rc = caps_get(&caps);

	return rc < 0 ? rc : keep_ambient(&caps, CAP_SYS_ADMIN);
}
