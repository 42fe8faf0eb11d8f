"""What is done as the runtime user, where there is one: whatever touches the data, which that user owns.

`.hostout/runtime` names them; bootstrap writes it, when it gives them what survives releases. Whoever deploys becomes
them by sudo, and starts services, hooks and commands so (`run(…, user=…)`). Work of the agent's own goes to a second
agent, which answers with what the function of `WORK` gave.
"""

import json
import os
import shutil
import stat
import subprocess
import sys


def in_runtime(layout, what, log=None, **more):
    """Does what `WORK` calls `what`, as the runtime user: what it gives."""
    if layout.runtime in (None, user()):
        return WORK[what](layout, log, **more)
    argv, env = as_user(layout.runtime, [sys.executable, "-I", layout.own("agent"), "--path", layout.path, "work", what],
                        service_env())
    with open(log, "ab") if log else open(os.devnull, "wb") as file:
        done = subprocess.run(argv, input=json.dumps(more).encode(), stdout=subprocess.PIPE, stderr=file, env=env,
                              cwd="/", check=False)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        closed = closed_folder(layout.path)
        why = (f"{closed} is closed to them" if closed else f"does `sudo -n -u {layout.runtime} true` work there?")
        raise Failed("io", f"{what} as {layout.runtime} gave no answer; {why}",
                     "git hostout bootstrap STAGE puts it right", last_lines(done.stdout)) from None
    if answer.get("end") != "ok":
        raise Failed(answer.get("kind", "bug"), answer.get("message", ""), answer.get("hint"), answer.get("output", ()))
    return answer["value"]


def closed_folder(path):
    """The folder on the way to `path`, or that one, which others may not enter; None where they get through."""
    folder = os.path.realpath(path)
    while os.stat(folder).st_mode & stat.S_IXOTH:
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


def work_backup(layout, log, name, env, release, data):
    return Backup(layout, name, log, env).write(release, data)


def work_restore(layout, log, name, env, release, data):
    restore = Restore(Backup(layout, name, log, env), release, data)
    restore.put_back()
    return restore.aside.moved


def work_forget(_layout, _log, name, moved):
    aside = Aside(name)
    aside.moved = moved
    aside.forget()


def work_remove_backup(layout, _log, name):
    remove_backup(layout, name)


def work_backup_size(layout, _log, release, data):
    return backup_size(layout, release, data)


def work_writers(_layout, _log, device, inode):
    return writers_of(device, inode)


def work_listening(_layout, _log, pids):
    return sorted(listening(pids))


def work_take(layout, _log, paths, modes):
    for name in paths:
        take(os.path.join(layout.shared, *below(name)), modes)


WORK = {"backup": work_backup, "restore": work_restore, "forget": work_forget, "remove-backup": work_remove_backup,
        "backup-size": work_backup_size, "take": work_take, "writers": work_writers, "listening": work_listening}


def hand_over(layout, paths):
    """Gives the runtime user what buildout, or a tracked folder, has put into what survives releases."""
    if not layout.runtime:
        return
    modes = {}
    for name in paths:
        open_to_group(os.path.join(layout.shared, *below(name)), modes)
    if modes:
        in_runtime(layout, "take", paths=paths, modes=modes)


def open_to_group(folder, modes):
    """Lets the group move what is ours below `folder`; nothing of ours is where we couldn't write."""
    for entry in os.scandir(folder):
        facts = entry.stat(follow_symlinks=False)
        if entry.is_symlink():
            continue
        if facts.st_uid == os.geteuid():
            modes[entry.path] = stat.S_IMODE(facts.st_mode)
            more = 0o070 if entry.is_dir(follow_symlinks=False) else 0o060
            os.chmod(entry.path, modes[entry.path] | more)
        if entry.is_dir(follow_symlinks=False) and os.access(entry.path, os.W_OK):
            open_to_group(entry.path, modes)


def take(folder, modes):
    """Makes what is below `folder` ours by making it anew; `modes` are those that it had before it was opened."""
    for entry in list(os.scandir(folder)):
        if entry.path not in modes:
            if entry.is_dir(follow_symlinks=False) and not entry.is_symlink() and os.access(entry.path, os.W_OK):
                take(entry.path, modes)
            continue
        mine = f"{entry.path}.taken"
        if entry.is_dir(follow_symlinks=False):
            take(entry.path, modes)
            os.makedirs(mine, exist_ok=True)
            for name in os.listdir(entry.path):
                os.rename(os.path.join(entry.path, name), os.path.join(mine, name))
            os.chmod(mine, modes[entry.path] | stat.S_ISGID)
            os.rmdir(entry.path)
        else:
            shutil.copyfile(entry.path, mine)
            os.chmod(mine, modes[entry.path])
        os.replace(mine, entry.path)
