/*
 * Tries one way out of a sandbox, named by TRY. Exit status 0: it did not get out; 1: it did; 2: no
 * such way. What it needs stands in its environment: VICTIM, a process of the same user; SECRET, a
 * file of its; PORT, a TCP port it listens on and is not allowed; OWN, its own folder.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t victim(void) {
    return (pid_t)strtol(getenv("VICTIM"), NULL, 10);
}

static bool reads(const char *path) {
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &byte, 1) == 1;
}

static bool read_secret(void) {
    return reads(getenv("SECRET"));
}

static bool list_secret(void) {
    char folder[256];
    snprintf(folder, sizeof folder, "%s", getenv("SECRET"));
    *strrchr(folder, '/') = '\0';
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool read_by_link(void) {
    char link_path[256];
    snprintf(link_path, sizeof link_path, "%s/link", getenv("OWN"));
    return symlink(getenv("SECRET"), link_path) == 0 && reads(link_path);
}

static bool read_by_root(void) {
    char path[256];
    snprintf(path, sizeof path, "/proc/self/root%s", getenv("SECRET"));
    return reads(path);
}

static bool write_secret(void) {
    return open(getenv("SECRET"), O_WRONLY | O_APPEND | O_CLOEXEC) >= 0;
}

static bool truncate_secret(void) {
    return truncate(getenv("SECRET"), 0) == 0;
}

static bool remove_secret(void) {
    return unlink(getenv("SECRET")) == 0;
}

static bool hard_link(void) {
    char path[256];
    snprintf(path, sizeof path, "%s/hard", getenv("OWN"));
    return link(getenv("SECRET"), path) == 0 && reads(path);
}

static bool write_tmp(void) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/hostile-%ld", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    unlink(path);
    return fd >= 0;
}

static bool run_shell(void) {
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
        _exit(9);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool read_environment(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/environ", (long)victim());
    return reads(path);
}

static bool read_memory(void) {
    char byte;
    struct iovec here = {&byte, 1};
    static const char here_too[] = "x";
    struct iovec there = {(void *)(uintptr_t)here_too, 1};
    return process_vm_readv(victim(), &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static bool attach(void) {
    if (ptrace(PTRACE_SEIZE, victim(), NULL, NULL) != 0)
        return false;
    ptrace(PTRACE_DETACH, victim(), NULL, NULL);
    return true;
}

static bool signal_victim(void) {
    return kill(victim(), 0) == 0;
}

static bool limit_victim(void) {
    struct rlimit limit;
    return syscall(SYS_prlimit64, victim(), RLIMIT_CPU, NULL, &limit) == 0;
}

static bool connects(int family, const struct sockaddr *address, socklen_t size) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, address, size) == 0;
}

static bool connect_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)strtoul(getenv("PORT"), NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connects(AF_INET, (const struct sockaddr *)&address, sizeof address);
}

static bool listen_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
           listen(fd, 1) == 0;
}

static bool send_datagram(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && sendto(fd, "x", 1, 0, (const struct sockaddr *)&address, sizeof address) == 1;
}

static bool unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool kernel_socket(void) {
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool new_user(void) {
    return unshare(CLONE_NEWUSER) == 0;
}

static bool new_user_by_clone(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool new_user_by_clone3(void) {
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool leave_group(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(setsid() > 0 ? 0 : 1);
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0;
}

static bool outlive(void) {
    return prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static bool dump_core(void) {
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_CORE, &limit) == 0;
}

static bool more_files(void) {
    const struct rlimit limit = {4096, 4096};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool io_ring(void) {
    char parameters[256] = {0};
    return syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}

static bool new_key(void) {
    return syscall(SYS_add_key, "user", "hostile", "x", 1, -2) >= 0;
}

static bool inherited(void) {
    for (int fd = 3; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return true;
    return false;
}

static bool mount_over(void) {
    return mount("none", getenv("OWN"), "tmpfs", 0, NULL) == 0;
}

/* ---- what must go ---- */

static bool own_folder(void) {
    char path[256];
    snprintf(path, sizeof path, "%s/mine", getenv("OWN"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && unlink(path) == 0;
}

static bool fork_child(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(void) {
    static const struct {
        const char *name;
        bool (*run)(void);
    } ways[] = {
        {"read-secret", read_secret},
        {"list-secret", list_secret},
        {"read-by-link", read_by_link},
        {"read-by-root", read_by_root},
        {"write-secret", write_secret},
        {"truncate-secret", truncate_secret},
        {"hard-link", hard_link},
        {"write-tmp", write_tmp},
        {"run-shell", run_shell},
        {"read-environment", read_environment},
        {"read-memory", read_memory},
        {"attach", attach},
        {"signal", signal_victim},
        {"limit", limit_victim},
        {"connect", connect_port},
        {"listen", listen_port},
        {"datagram", send_datagram},
        {"unix-socket", unix_socket},
        {"kernel-socket", kernel_socket},
        {"new-user", new_user},
        {"new-user-clone", new_user_by_clone},
        {"new-user-clone3", new_user_by_clone3},
        {"leave-group", leave_group},
        {"outlive", outlive},
        {"dump-core", dump_core},
        {"more-files", more_files},
        {"io-ring", io_ring},
        {"new-key", new_key},
        {"inherited", inherited},
        {"mount", mount_over},
        {"remove-secret", remove_secret},
        {"own-folder", own_folder},
        {"fork", fork_child},
    };
    const char *wanted = getenv("TRY");
    for (size_t i = 0; wanted != NULL && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, wanted) == 0)
            return ways[i].run() ? 1 : 0;
    return 2;
}
