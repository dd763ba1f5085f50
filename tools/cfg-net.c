// SPDX-License-Identifier: MIT
/* Network interfaces as xl-network-configuration(5) has them: vif=. */
#include "config.h"
#include "tools/cfg-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/net-arg.h"

static int put_vif(struct cfg *c, const char *spec)
{
	CLEANUP_FREE char *copy = spec ? strdup(spec) : NULL;
	struct stack_vif vif;
	char why[512] = "each must be a string";
	int error = !spec ? -EINVAL : !copy ? -ENOMEM : net_arg_parse(copy, &vif, why, sizeof(why));

	if (error < 0)
		cfg_fail(c, cfg_line_of(c, "vif"), "vif \"%s\": %s", spec ? spec : "", why);
	else
		arg_list_add(c->args, "--net=%s", spec);
	return error;
}

int cfg_put_vifs(struct cfg *c)
{
	XLU_ConfigList *list = NULL;
	int count, error = 0;

	if (!cfg_find_set(c, "vif"))
		return 0;
	count = cfg_list_length(c, "vif", &list);
	if (count < 0 || count > (int)STACK_VIFS) {
		cfg_fail(c, cfg_line_of(c, "vif"), count < 0 ? "vif must be a list: vif=[ \"bridge=xenbr0\" ], or"
			" vif=[ \"\" ]" : "vif: at most %u interfaces", STACK_VIFS);
		return -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		int e = put_vif(c, xlu_cfg_get_listitem(list, i));

		error = error ? error : e;
	}
	return error;
}
