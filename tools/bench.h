/* SPDX-License-Identifier: MIT */
/* The subcommands of sluice-bench(1). */
#ifndef SLUICE_TOOLS_BENCH_H
#define SLUICE_TOOLS_BENCH_H

/** Exit statuses of sluice-bench. */
enum { BENCH_EXIT_OK = 0, BENCH_EXIT_START = 1, BENCH_EXIT_IO = 2, BENCH_EXIT_INTERRUPTED = 130 };

/** bench_blk_main() - argv[0] is "blk"; returns the exit status. */
int bench_blk_main(int argc, char **argv);

/** bench_compare_main() - argv[0] is "compare"; returns the exit status. */
int bench_compare_main(int argc, char **argv);
/** bench_events_main() - argv[0] is "events"; returns the exit status. */
int bench_events_main(int argc, char **argv);
/** bench_events_peer_main() - for events' own use: a process in a domain. */
int bench_events_peer_main(int argc, char **argv);
/** bench_net_main() - argv[0] is "net"; returns the exit status. */
int bench_net_main(int argc, char **argv);
/** bench_net_guest_main() - for net's own use: an endpoint in a guest domain. */
int bench_net_guest_main(int argc, char **argv);
/** bench_vhost_user_main() - for compare's own use: a load on a vhost-user-blk socket. */
int bench_vhost_user_main(int argc, char **argv);

#endif
