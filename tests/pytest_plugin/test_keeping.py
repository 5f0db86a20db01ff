"""Counterexamples are kept and tried first; a trace runs alone with --treadle-replay."""

import json

import pytest

pytest_plugins = ["pytester"]

TEST = """
    @pytest.mark.treadle({options})
    async def test_balance():
        account = Account()
        print("runs")
        await both(account)
        assert account.balance {asserted}
"""


def source(asserted="== 3", options=""):
    return TEST.format(asserted=asserted, options=options)


@pytest.fixture
def searched(monkeypatch):
    """The names of the tests for which a search was started."""
    import treadle.checker.pytesting.exploring as exploring

    names = []
    check = exploring.check

    def noting(*arguments, **options):
        names.append(options["name"])
        return check(*arguments, **options)

    monkeypatch.setattr(exploring, "check", noting)
    return names


class TestKept:
    def test_a_counterexample_is_kept_and_fails_without_a_search(self, project, searched):
        project.write(source())
        result = project.run()
        result.assert_outcomes(failed=1)
        [path] = project.kept()
        result.stdout.fnmatch_lines([f"*run it alone with: pytest --treadle-replay .pytest_cache/d/treadle/{path.name}"])
        assert searched == ["test_it.py::test_balance"]
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["FAILED * - Violated: assertion: *"])
        result.stdout.fnmatch_lines_random(["*was kept and still fails*", "*step *main *alice *bob*"])
        assert len(searched) == 1

    def test_mended_it_is_forgotten_and_the_test_explored(self, project, searched):
        project.write(source())
        project.run().assert_outcomes(failed=1)
        project.write(source("in (1, 2, 3)"))
        project.run().assert_outcomes(passed=1)
        assert len(searched) == 2
        assert project.kept() == []

    def test_it_does_not_count_if_the_mark_asks_for_less(self, project):
        lonely = """
            @pytest.mark.treadle({options})
            async def test_balance():
                account = Account()
                task = asyncio.create_task(account.deposit(1))
                await asyncio.wait([task])
                assert account.balance == 1
            """
        project.write(lonely.format(options="cancel=1"))
        project.run().assert_outcomes(failed=1)
        project.write(lonely.format(options=""))
        project.run().assert_outcomes(passed=1)

    @pytest.mark.parametrize("text", ["{", '{"version": 0}', '{"version": 99, "steps": []}'])
    def test_a_file_that_cannot_be_read_does_no_harm(self, project, searched, text):
        project.write(source())
        project.run()
        project.kept()[0].write_text(text)
        project.run().assert_outcomes(failed=1)
        assert len(searched) == 2
        assert json.loads(project.kept()[0].read_text())["schedule"] is not None

    def test_a_test_that_is_skipped_keeps_nothing(self, project):
        project.write(source("== 3").replace("assert", "if account.balance != 3: pytest.skip('why')\n        assert"))
        project.run().assert_outcomes(skipped=1)
        assert project.kept() == []

    def test_without_pytests_cache_nothing_is_kept(self, project, searched):
        project.write(source())
        for _ in range(2):
            result = project.run("-p", "no:cacheprovider")
            result.assert_outcomes(failed=1)
            assert "--treadle-replay" not in result.stdout.str()
        assert len(searched) == 2

    def test_each_parameter_has_its_own(self, project):
        several = "@pytest.mark.parametrize('extra', [4, 5])\n    async def test_balance(extra)"
        project.write(source("== extra").replace("async def test_balance()", several))
        project.run().assert_outcomes(failed=2)
        assert len(project.kept()) == 2


class TestReplay:
    @pytest.fixture
    def trace(self, project):
        project.write(source() + source("> 0").replace("test_balance", "test_other"))
        project.run().assert_outcomes(failed=1, passed=1)
        [path] = project.kept()
        return path.rename(project.path / "trace.json")

    def test_it_runs_the_one_test_and_its_schedule(self, project, trace, searched):
        result = project.run("--treadle-replay=trace.json")
        result.assert_outcomes(failed=1, deselected=1)
        shown = ["test_it.py:*: in test_balance", "*- treadle: replayed -*", "*step *main *alice *bob*", "runs", "FAILED *"]
        result.stdout.fnmatch_lines(shown)
        assert result.stdout.str().count("runs\n") == 1
        assert searched == []

    def test_the_command_line_says_who_can_replay_it(self, project, trace, capsys):
        from treadle.checker.cli import run

        assert run(["replay", "trace.json"]) == 2
        assert "pytest --treadle-replay TRACE test_it.py" in capsys.readouterr().err

    def test_not_reproduced(self, project, trace):
        project.write(source("in (1, 2, 3)"))
        result = project.run("--treadle-replay=trace.json")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["not reproduced: the violation is none, the trace says assertion; *"])

    def test_a_trace_of_a_test_that_is_not_there(self, project, trace):
        project.write("def test_plain(): pass\n", preamble="")
        result = project.run("--treadle-replay=trace.json")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --treadle-replay: trace.json is a trace of test_it.py::test_balance, which is not among *"])

    def test_no_trace(self, project):
        project.write(source())
        result = project.run("--treadle-replay=nowhere.json")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --treadle-replay: cannot read the trace nowhere.json*"])
