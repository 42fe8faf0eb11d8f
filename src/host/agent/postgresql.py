"""PostgreSQL by the host's own pg_dump, pg_restore and psql.

They are given a connection string without a password. Where one is needed it stands in a `.pgpass`: the stage's shared
one (`shared/.pgpass`), else the login user's.
"""

import os
import re
import shutil

# Everything of the user's in one database. What belongs to extensions stays, and they stay: making them again may take
# rights that the user hasn't got. The sequence of an identity column goes with its table and cannot go alone.
CLEAR = """
DO $$
DECLARE thing text;
BEGIN
    FOR thing IN
        SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_namespace n
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = n.oid AND d.deptype = 'e')
    LOOP EXECUTE thing; END LOOP;
    FOR thing IN
        SELECT format('DROP %s IF EXISTS public.%I CASCADE', CASE relkind WHEN 'v' THEN 'VIEW'
            WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE'
            ELSE 'TABLE' END, relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND (d.deptype = 'e'
                OR (d.deptype = 'i' AND relkind = 'S')))
    LOOP EXECUTE thing; END LOOP;
    FOR thing IN
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p
        JOIN pg_namespace n ON n.oid = pronamespace
        WHERE nspname = 'public'
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE thing; END LOOP;
    FOR thing IN
        SELECT format('DROP TYPE IF EXISTS public.%I CASCADE', typname) FROM pg_type t
        JOIN pg_namespace n ON n.oid = typnamespace
        WHERE nspname = 'public' AND typtype IN ('e', 'd', 'r')
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
    LOOP EXECUTE thing; END LOOP;
END $$;
"""
PROGRAMS = ("pg_dump", "pg_restore", "psql")
STAYS = re.compile(r"\d+; \d+ \d+ (EXTENSION |COMMENT - EXTENSION |(COMMENT |ACL )?(- )?SCHEMA (- )?public )")


def lacking(data):
    """Programs that `data`, as the next release says it, wants and that are not there."""
    if not data or data.get("kind") != "postgresql":
        return []
    return [name for name in PROGRAMS if not shutil.which(name)]


class Postgresql:
    """One database, as the connection string names it."""

    def __init__(self, layout, database, log, env):
        self.layout, self.database, self.log = layout, database, log
        shared = os.path.join(layout.shared, ".pgpass")
        more = {"PGPASSFILE": shared} if os.path.isfile(shared) else {}
        # A session that was forgotten must not keep us waiting for its locks for ever.
        self.env = {**env, **more, "PGCONNECT_TIMEOUT": "20", "PGOPTIONS": "-c lock_timeout=60s"}

    def make(self, folder):
        dump = os.path.join(folder, "database.dump")
        self.program("backup", "pg_dump", "--no-password", "--format=custom", "--file", dump, "--dbname", self.database)
        self.program("backup", "pg_restore", "--list", dump)  # it can be read again

    def restore(self, folder):
        """All of it in one transaction, so that what cannot be put back leaves the database as it was. The script is
        made whole first: psql would take the end of a broken one for its end."""
        dump = os.path.join(folder, "database.dump")
        listing = self.program("restore", "pg_restore", "--list", dump).decode("utf-8", "surrogateescape")
        with scratch(self.layout, "restore") as place:
            clear, chosen, script = (os.path.join(place, name) for name in ("clear.sql", "list", "script.sql"))
            write_whole(clear, CLEAR.encode(), 0o600)
            kept = [line for line in listing.splitlines(True) if not STAYS.match(line)]
            write_whole(chosen, "".join(kept).encode("utf-8", "surrogateescape"), 0o600)
            self.program("restore", "pg_restore", "--use-list", chosen, "--file", script, dump)
            self.program("restore", "psql", "--no-password", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1",
                         "--single-transaction", "--dbname", self.database, "--output", os.devnull, "--file", clear,
                         "--file", script)

    def program(self, kind, *argv):
        code, said = run(argv, self.layout.path, COPY_SECONDS, self.log, self.env, keep=None)
        if code != 0:
            raise Failed(kind, f"{argv[0]} {ending(code, COPY_SECONDS)}",
                         "install PostgreSQL's client there" if code == 127 else None, last_lines(said))
        return said
