// SPDX-License-Identifier: MIT
/* sluice boot: stock guests in virtual machines of a private stack. */
#include "config.h"
#include "tools/sluice.h"

#include "tools/boot.h"

int verb_boot(int argc, char **argv)
{
	struct boot_options options;
	int status = boot_parse(argc, argv, false, &options);

	return status < 0 ? boot_run(&options) : status;
}
