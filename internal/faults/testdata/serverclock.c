/* Preloaded into a server, it adds to the time of day as many seconds as the first
   eight bytes of a file say, which change while the server runs. Nothing here allocates:
   allocators ask for the time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t ahead(void) {
	static volatile int64_t *seconds;
	if (!seconds) {
		const char *path = getenv("PASSBEARER_SERVER_CLOCK");
		int fd = path ? open(path, O_RDONLY) : -1;
		void *page = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
		if (fd >= 0) close(fd);
		if (page == MAP_FAILED) return 0;
		seconds = page;
	}
	return *seconds;
}

int clock_gettime(clockid_t id, struct timespec *ts) {
	long failed = syscall(SYS_clock_gettime, id, ts);
	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += ahead();
	return failed;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
	struct timespec ts;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t) {
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (t) *t = ts.tv_sec;
	return ts.tv_sec;
}
