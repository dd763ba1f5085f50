// SPDX-License-Identifier: MIT
/* Files with CHAP's users and passwords: who may have them, what is in them, what is said of them. */
#include "config.h"
#include "backends/blk/iscsi-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char why[256];

static bool is_wiped(const struct iscsi_secret *s)
{
	for (size_t i = 0; i < sizeof(*s); i++)
		if (((const char *)s)[i])
			return false;
	return true;
}

static void bad(const char *text, const char *says)
{
	struct iscsi_secret s;

	assert_int_equal(iscsi_secret_parse(text, strlen(text), &s, why, sizeof(why)), -EINVAL);
	if (!strstr(why, says))
		fail_msg("of \"%s\" it says: %s", text, why);
	assert_null(strstr(why, "hunter2"));
	assert_true(is_wiped(&s));
}

static void both_directions(void **state)
{
	static const char text[] = "# for the vault\n\nuser=we\npassword=a b=c #d\ntarget-user=they\ntarget-password=other";
	struct iscsi_secret s;

	assert_int_equal(iscsi_secret_parse(text, sizeof(text) - 1, &s, why, sizeof(why)), 0);
	assert_string_equal(s.user, "we");
	assert_string_equal(s.password, "a b=c #d");
	assert_string_equal(s.target_user, "they");
	assert_string_equal(s.target_password, "other");
	iscsi_secret_wipe(&s);
	assert_true(is_wiped(&s));
}

static void what_is_wrong_is_said_without_it(void **state)
{
	bad("", "no user= and password=");
	bad("user=x\n", "no user= and password=");
	bad("password=hunter2\n", "no user= and password=");
	bad("user=x\npassword=hunter2\nhunter2\n", "line 3");
	bad("user=x\npassword=hunter2\npasswort=hunter2\n", "line 3 has an unknown key");
	bad("user=x\npassword=hunter2\npassword=hunter2\n", "once more");
	bad("user=x\npassword=\n", "line 2");
	bad("user=x\npassword=hunter2\ntarget-user=y\n", "belong together");
	bad("user=x\npassword=hunter2\ntarget-user=y\ntarget-password=hunter2\n", "one each");
}

static void lengths(void **state)
{
	char text[600];
	struct iscsi_secret s;

	for (int n = 250; n < 260; n++) {
		int len = snprintf(text, sizeof(text), "user=x\npassword=%0*d\n", n, 7);

		assert_int_equal(iscsi_secret_parse(text, (size_t)len, &s, why, sizeof(why)), n < 256 ? 0 : -EINVAL);
	}
	/* A NUL would end it early. */
	assert_int_equal(iscsi_secret_parse("user=x\npassword=a\0b", 19, &s, why, sizeof(why)), -EINVAL);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void files(void **state)
{
	char dir[] = "/tmp/iscsi-secret-XXXXXX", path[64];
	static char large[5000];
	struct iscsi_secret s;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/chap", dir);
	write_file(path, "user=x\npassword=hunter2hunter2\n", 0600);
	assert_int_equal(iscsi_secret_read(path, &s, why, sizeof(why)), 0);
	assert_string_equal(s.password, "hunter2hunter2");
	for (mode_t mode = 01; mode <= 040; mode <<= 1) {
		write_file(path, "user=x\npassword=hunter2hunter2\n", 0600 | mode);
		assert_int_equal(iscsi_secret_read(path, &s, why, sizeof(why)), -EACCES);
		assert_non_null(strstr(why, "chmod 600"));
	}
	memset(large, '\n', sizeof(large) - 1);
	write_file(path, large, 0600);
	assert_int_equal(iscsi_secret_read(path, &s, why, sizeof(why)), -EACCES);
	assert_non_null(strstr(why, "4096"));
	unlink(path);
	assert_int_equal(iscsi_secret_read(path, &s, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, path));
	/* It does not wait for a writer. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(iscsi_secret_read(path, &s, why, sizeof(why)), -EACCES);
	assert_non_null(strstr(why, "no file"));
	unlink(path);
	assert_int_equal(iscsi_secret_read("no-such-name", &s, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, ISCSI_SECRET_DIR "/no-such-name"));
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions),
		cmocka_unit_test(what_is_wrong_is_said_without_it),
		cmocka_unit_test(lengths),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
