/*
 * fork, a few system calls, exec. Between fork and exec only functions that are safe after a fork
 * of a program with threads are called, and nothing is allocated. A pipe that closes on exec tells
 * the parent whether exec worked.
 *
 * Nobody else waits for this pid, and it is never reaped before its group was killed: while the
 * leader is a zombie the kernel keeps the group's number from being used again.
 */
#include "host/process.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FIRST_FREE_FD = 3,
    STATUS_NOT_STARTED = 127,
    /* As on Lambda. */
    MAX_OPEN_FILES = 1024,
    MAX_FILE_MB = 512,
    /* Stacks of threads count whole, of which little is ever touched. */
    MEMORY_SPARE_MB = 256,
};

/* AddressSanitizer maps terabytes that it never touches. */
#if defined(__SANITIZE_ADDRESS__)
#define BOUNDS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOUNDS_MEMORY false
#endif
#endif
#ifndef BOUNDS_MEMORY
#define BOUNDS_MEMORY true
#endif

/* What the child needs, put together before the fork. */
struct start {
    const struct process_options *options;
    pid_t parent;
    int null_fd;
    int report_fd; /* takes the errno of what failed */
};

static void set_signals(void) {
    /* Ignored signals stay ignored over exec, and so does the mask. */
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_bounds(const struct start *start) {
    const struct rlimit no_core = {0, 0};
    if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0)
        return false;
    /* Gone before the signal was asked for. */
    if (getppid() != start->parent)
        _exit(STATUS_NOT_STARTED);
    return true;
}

/* Never above what the host itself may. */
static bool lower_limit(__rlimit_resource_t resource, rlim_t value) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return false;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value)
        value = limit.rlim_max;
    const struct rlimit lower = {value, value};
    return setrlimit(resource, &lower) == 0;
}

static bool set_limits(const struct process_options *options) {
    rlim_t memory_mb = (rlim_t)options->memory_mb + MEMORY_SPARE_MB;
    bool ok = lower_limit(RLIMIT_NOFILE, MAX_OPEN_FILES);
    if (ok && options->memory_mb > 0 && BOUNDS_MEMORY)
        ok = lower_limit(RLIMIT_DATA, memory_mb * 1024 * 1024);
    if (ok && options->sandbox != NULL)
        ok = lower_limit(RLIMIT_FSIZE, (rlim_t)MAX_FILE_MB * 1024 * 1024);
    return ok;
}

static bool set_descriptors(const struct start *start) {
    bool has_stderr = fcntl(STDERR_FILENO, F_GETFD) >= 0;
    if (dup2(start->null_fd, STDIN_FILENO) < 0 ||
        (!has_stderr && dup2(start->null_fd, STDERR_FILENO) < 0) ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return false;
    unsigned report_fd = (unsigned)start->report_fd;
    return (report_fd == FIRST_FREE_FD || close_range(FIRST_FREE_FD, report_fd - 1, 0) == 0) &&
           close_range(report_fd + 1, ~0U, 0) == 0;
}

static NORETURN void run_child(const struct start *start) {
    const struct process_options *options = start->options;
    set_signals();
    if (set_bounds(start) && set_limits(options) && set_descriptors(start) &&
        chdir(options->folder) == 0 &&
        (options->sandbox == NULL || sandbox_enter(options->sandbox, &options->entry))) {
        char *arguments[] = {(char *)options->program, NULL};
        execve(options->program, arguments, (char *const *)options->environment);
    }
    int number = errno;
    ssize_t written = write(start->report_fd, &number, sizeof number);
    (void)written;
    _exit(STATUS_NOT_STARTED);
}

/* Above the standard descriptors, which the host may have been started without. */
static bool move_up(int *fd) {
    if (*fd >= FIRST_FREE_FD)
        return true;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (moved < 0)
        return false;
    close(*fd);
    *fd = moved;
    return true;
}

/* Waits until exec has closed the pipe. */
static bool read_report(int fd, const char *program, struct error *err) {
    int number = 0;
    ssize_t got;
    do
        got = read(fd, &number, sizeof number);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return true;
    if (got == (ssize_t)sizeof number)
        errno = number;
    return error_errno(err, "cannot start '%s'", program);
}

static void wait_for(pid_t pid, int *ret_status) {
    pid_t got;
    do
        got = waitpid(pid, ret_status, 0);
    while (got < 0 && errno == EINTR);
}

bool process_spawn(const struct process_options *options, struct process *ret, struct error *err) {
    int null_fd CLEANUP(fd_cleanup) = open("/dev/null", O_RDWR | O_CLOEXEC);
    int pipe_fds[2];
    if (null_fd < 0 || !move_up(&null_fd) || pipe2(pipe_fds, O_CLOEXEC) != 0)
        return error_errno(err, "cannot start '%s'", options->program);
    int read_fd CLEANUP(fd_cleanup) = pipe_fds[0];
    int report_fd CLEANUP(fd_cleanup) = pipe_fds[1];
    if (!move_up(&report_fd))
        return error_errno(err, "cannot start '%s'", options->program);
    const struct start start = {options, getpid(), null_fd, report_fd};
    pid_t pid = fork();
    if (pid < 0)
        return error_errno(err, "cannot start '%s'", options->program);
    if (pid == 0)
        run_child(&start);
    fd_cleanup(&report_fd);
    struct process process = {.pid = pid, .pidfd = -1};
    bool ok = read_report(read_fd, options->program, err);
    if (ok) {
        process.pidfd = pidfd_open(pid, 0);
        ok = process.pidfd >= 0 || error_errno(err, "cannot watch '%s'", options->program);
    }
    if (!ok) {
        int ignored;
        process_kill(&process);
        wait_for(pid, &ignored);
        return false;
    }
    *ret = process;
    return true;
}

void process_kill(const struct process *process) {
    /* The group is there from before exec on; without it the leader alone is meant. */
    if (kill(-process->pid, SIGKILL) != 0)
        kill(process->pid, SIGKILL);
}

const char *process_reap(struct process *process, struct arena *arena) {
    siginfo_t info;
    int result;
    do
        result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT);
    while (result < 0 && errno == EINTR);
    process_kill(process);
    int status = 0;
    wait_for(process->pid, &status);
    fd_cleanup(&process->pidfd);
    process->pid = -1;
    if (WIFSIGNALED(status)) {
        const char *name = sigdescr_np(WTERMSIG(status));
        return arena_printf(arena, "signal: %s", name != NULL ? name : "unknown");
    }
    if (WEXITSTATUS(status) == 0)
        return NULL;
    return arena_printf(arena, "exit status %d", WEXITSTATUS(status));
}
