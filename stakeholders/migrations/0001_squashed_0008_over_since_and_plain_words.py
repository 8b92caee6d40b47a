import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import timezone_field.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('stakeholders', '0001_initial'), ('stakeholders', '0002_wordings'), ('stakeholders', '0003_teams_help_priority'), ('stakeholders', '0004_words'), ('stakeholders', '0005_communicators_and_notices'), ('stakeholders', '0006_definition_first_live'), ('stakeholders', '0007_words_for_one_ring_wait'), ('stakeholders', '0008_over_since_and_plain_words')]

    initial = True

    dependencies = [
        ('dispatching', '0001_squashed_0017_plain_words'),
        ('schedules', '0001_squashed_0011_plain_words'),
        ('schedules', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='PageAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('page', models.CharField(max_length=20)),
                ('day', models.DateField()),
                ('helped', models.BooleanField()),
                ('comment', models.TextField(blank=True)),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True)),
                ('began_at', models.DateTimeField(db_index=True)),
                ('used', models.PositiveIntegerField(default=1)),
            ],
            options={
                'ordering': ('pk',),
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StakeholderRing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text='The order in which rings are told: 1 first.', unique=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('name', models.CharField(help_text='The people in it, for example: marketing and sales.', max_length=100, unique=True)),
                ('boundary', models.CharField(choices=[('product', 'inside the product delivery organisation'), ('enterprise', 'inside the enterprise'), ('external', 'outside the enterprise')], default='product', help_text='Where the people in it work.', max_length=10)),
            ],
            options={
                'ordering': ('number',),
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.CharField(max_length=64, unique=True)),
                ('reason', models.CharField(choices=[('bounced', 'messages could not be delivered'), ('complained', 'marked as spam'), ('not_me', 'somebody else had entered it'), ('erased', 'erased at their request')], max_length=10)),
                ('at', models.DateTimeField()),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The name that customers and colleagues use.', max_length=100, unique=True)),
                ('description', models.TextField(blank=True, help_text='In words that customers use.')),
                ('order', models.PositiveSmallIntegerField(default=0, help_text='Lowest first, in the matrix and in forms.')),
            ],
            options={
                'ordering': ('order', 'name'),
                'abstract': False,
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='deployment_name_any_case', violation_error_message='There is already a deployment of this name.')],
            },
        ),
        migrations.CreateModel(
            name='NotificationDefinition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Uploads are down.', max_length=100)),
                ('version', models.PositiveSmallIntegerField(default=1, editable=False)),
                ('change_reason', models.CharField(blank=True, help_text='The feedback that led to this version: quote it, or name the person who gave it.', max_length=300)),
                ('live_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('first_live_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('slo', models.CharField(blank=True, help_text='As the alert names it. Leave empty for any breach, also one that no SLO covers.', max_length=255, verbose_name='SLO')),
                ('priority_reason', models.CharField(blank=True, help_text='Stakeholders can read it and comment on it.', max_length=300, verbose_name='why this priority')),
                ('repeats', models.PositiveSmallIntegerField(default=1, help_text='How many such alerts there must be within the time below, this one included.', validators=[django.core.validators.MinValueValidator(1)])),
                ('within', models.DurationField(default=datetime.timedelta(seconds=3600), help_text='The time in which they are counted, as hours:minutes:seconds.')),
                ('mode', models.CharField(choices=[('semi', 'prepared: a person presses the button'), ('auto', 'automatic: it is announced at once')], default='semi', max_length=4)),
                ('title', models.CharField(help_text='What is affected, in words that customers use.', max_length=200)),
                ('text', models.TextField(help_text='The announcement: what is affected, who notices, what is being done.')),
                ('why_major', models.TextField(help_text='Why it is worth telling.', verbose_name='why it is a major outage')),
                ('why_needed', models.TextField(help_text='The roles that need the messages, and what for.', verbose_name='why they need it')),
                ('what_they_do', models.TextField(help_text='What each role would do with the messages.', verbose_name='what they would do')),
                ('uncovered', models.TextField(blank=True, help_text='When a person should announce it by hand.', verbose_name='scenarios that no SLO covers')),
                ('runbook_url', models.URLField(blank=True, help_text='What the people on call do. Not shown to stakeholders.')),
                ('recording_url', models.URLField(blank=True, help_text='A recording for people who go on call later.')),
                ('chain', models.ForeignKey(blank=True, help_text='Usually empty: stakeholders need not answer. If chosen, the policy of its service pages stakeholders until one of them acknowledges.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.integration', verbose_name='acknowledgement through')),
                ('communicators', models.ForeignKey(blank=True, help_text='The person on duty on this schedule becomes the communicator of the outage: they are told at once and reminded. Leave empty for the person on call for the service.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='schedules.schedule', verbose_name='communicator on duty')),
                ('deployments', models.ManyToManyField(blank=True, help_text="Where it is felt. Leave empty to use the alert's deployment.", related_name='+', to='stakeholders.deployment')),
                ('most_important', models.ForeignKey(blank=True, help_text='Only alerts of this priority or a more important one. Leave empty for any; without one, nothing is told.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.priority', verbose_name='priority at least')),
                ('priority', models.ForeignKey(blank=True, help_text="How important such a breach is. Leave empty to use the alert's priority.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.priority', verbose_name='priority of the outage')),
                ('replaces', models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='stakeholders.notificationdefinition')),
                ('service', models.ForeignKey(help_text='Alerts of this service are compared with it.', on_delete=django.db.models.deletion.PROTECT, related_name='definitions', to='dispatching.service')),
            ],
            options={
                'ordering': ('name', '-version'),
            },
        ),
        migrations.CreateModel(
            name='DefinitionComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('question', models.CharField(choices=[('relevance', 'Is it relevant?'), ('timeliness', 'When should the first message come?'), ('conciseness', 'Is it concise and complete?'), ('brackets', 'Does this way of being informed suit you, and how often should updates come?')], max_length=11)),
                ('text', models.TextField()),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('definition', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='stakeholders.notificationdefinition')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Outage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(help_text='What is affected, in words that customers use: Uploads fail.', max_length=200)),
                ('state', models.CharField(choices=[('open', 'going on'), ('ended', 'ended')], default='open', editable=False, max_length=5)),
                ('high_profile', models.BooleanField(default=False, help_text='Worth telling stakeholders about. If off, nobody outside is told, whatever matches.')),
                ('priority_reason', models.CharField(blank=True, help_text='Why this priority. Stakeholders can read it.', max_length=300)),
                ('severity', models.CharField(blank=True, choices=[('critical', 'critical'), ('error', 'error'), ('warning', 'warning'), ('info', 'info')], help_text='How bad it is.', max_length=8)),
                ('said_geography', models.CharField(blank=True, help_text='Leave empty for the names of the deployments.', max_length=200, verbose_name='geography in messages')),
                ('said_products', models.CharField(blank=True, help_text='Leave empty for the names of the products.', max_length=200, verbose_name='products in messages')),
                ('mode', models.CharField(choices=[('manual', 'by hand'), ('semi', 'by a definition, to be announced by hand'), ('auto', 'by a definition, announced automatically')], default='manual', editable=False, max_length=6)),
                ('started_at', models.DateTimeField(help_text='When customers could first notice it.', verbose_name='began')),
                ('declared_at', models.DateTimeField(editable=False)),
                ('announced_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ended_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('over_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('next_update_by', models.DateTimeField(blank=True, editable=False, null=True)),
                ('due_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('alerts', models.ManyToManyField(blank=True, related_name='outages', to='dispatching.alert')),
                ('caused_by', models.ForeignKey(blank=True, help_text='The outage of another team that caused this one.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='caused', to='stakeholders.outage')),
                ('chain', models.ForeignKey(blank=True, help_text='Usually empty: stakeholders are told and need not answer. If chosen, the policy of its service pages stakeholders, one after the other, until one of them acknowledges.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.integration', verbose_name='acknowledgement through')),
                ('communicator', models.ForeignKey(blank=True, help_text='The person who writes to stakeholders and is reminded.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('declared_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('deployments', models.ManyToManyField(blank=True, help_text='Where it happens.', related_name='outages', to='stakeholders.deployment')),
                ('priority', models.ForeignKey(blank=True, help_text='Without a priority, stakeholders are not told.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.priority')),
                ('services', models.ManyToManyField(blank=True, help_text='Our own services; not shown outside.', related_name='outages', to='dispatching.service')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='OutageEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField()),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('notice', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='dispatching.notice')),
                ('outage', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='stakeholders.outage')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='PageViews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('page', models.CharField(max_length=20)),
                ('day', models.DateField()),
                ('views', models.PositiveIntegerField(default=1)),
            ],
            options={
                'verbose_name_plural': 'page views',
                'ordering': ('-day', 'page'),
                'constraints': [models.UniqueConstraint(fields=('page', 'day'), name='one_count_a_page_and_day')],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The name that customers and colleagues use.', max_length=100, unique=True)),
                ('description', models.TextField(blank=True, help_text='In words that customers use.')),
                ('order', models.PositiveSmallIntegerField(default=0, help_text='Lowest first, in the matrix and in forms.')),
            ],
            options={
                'ordering': ('order', 'name'),
                'abstract': False,
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='product_name_any_case', violation_error_message='There is already a product of this name.')],
            },
        ),
        migrations.AddField(
            model_name='outage',
            name='products',
            field=models.ManyToManyField(blank=True, help_text='What is affected.', related_name='outages', to='stakeholders.product'),
        ),
        migrations.AddField(
            model_name='notificationdefinition',
            name='products',
            field=models.ManyToManyField(blank=True, help_text="What is affected. Leave empty to use the alert's product.", related_name='+', to='stakeholders.product'),
        ),
        migrations.CreateModel(
            name='SignUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('subscribe', 'subscribe'), ('link', 'send a new link')], default='subscribe', max_length=9)),
                ('channel', models.CharField(max_length=20)),
                ('address', models.CharField(max_length=500)),
                ('groups', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('deployments', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('products', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('kinds', models.CharField(choices=[('all', 'every message'), ('ends', 'only the first and the last message of an outage')], default='all', max_length=4)),
                ('asked_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(db_index=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('pk',),
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StakeholderGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The name that subscribers read, for example: Product A, US.', max_length=100, unique=True)),
                ('purpose', models.TextField(help_text='What its members do with the messages: talk to customers, reschedule activities, apply a mitigation.')),
                ('all_deployments', models.BooleanField(default=False, help_text='Every deployment, also those added later.')),
                ('all_products', models.BooleanField(default=False, help_text='Every product, also those added later.')),
                ('openness', models.CharField(choices=[('product', 'colleagues in product delivery, logged in'), ('enterprise', 'everyone in the enterprise, logged in or by invitation'), ('everyone', 'everyone, customers and partners too')], default='product', help_text='The people who see the group and may join it on their own.', max_length=10, verbose_name='open to')),
                ('advice', models.CharField(blank=True, help_text='One line in each message on what to do with it, for example: Tell customers who ask that we are working on it.', max_length=300)),
                ('review_by', models.DateField(blank=True, help_text='The day by which somebody checks that it still fits how sales is organised.', null=True, verbose_name='review by')),
                ('covers_since', models.DateTimeField(editable=False, null=True)),
                ('deployments', models.ManyToManyField(blank=True, help_text='The geographies it covers. Not used with “all deployments”.', related_name='groups', to='stakeholders.deployment')),
                ('owner', models.ForeignKey(blank=True, help_text='The person who keeps the group up to date.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('parent', models.ForeignKey(blank=True, help_text='The group that this one is part of. Choosing the parent reaches its matching subgroups, too.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='subgroups', to='stakeholders.stakeholdergroup')),
                ('products', models.ManyToManyField(blank=True, help_text='The products it covers. Not used with “all products”.', related_name='groups', to='stakeholders.product')),
                ('representatives', models.ManyToManyField(blank=True, help_text='People of the department who helped to define it.', related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose', ''), _negated=True), name='group_has_a_purpose', violation_error_message='A group needs a purpose.'), models.CheckConstraint(condition=models.Q(('parent__isnull', True), models.Q(('parent', models.F('pk')), _negated=True), _connector='OR'), name='group_not_its_own_parent', violation_error_message='A group cannot be part of itself.'), models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='group_name_any_case', violation_error_message='There is already a group of this name.')],
            },
        ),
        migrations.CreateModel(
            name='ScheduleSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(editable=False)),
                ('schedule', models.ForeignKey(help_text='The people on call on it are told, on their own contact points.', on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='schedules.schedule')),
                ('group', models.ForeignKey(help_text='The group whose messages they get: one that covers what the team depends on.', on_delete=django.db.models.deletion.PROTECT, related_name='schedules', to='stakeholders.stakeholdergroup')),
            ],
            options={
                'verbose_name': "team's subscription",
                'ordering': ('schedule__name', 'group__name'),
                'constraints': [models.UniqueConstraint(fields=('schedule', 'group'), name='schedule_once_a_group', violation_error_message='This schedule is already in this group.')],
            },
        ),
        migrations.AddField(
            model_name='outage',
            name='groups',
            field=models.ManyToManyField(blank=True, help_text='Leave empty for every group that covers what is affected, or choose groups; their matching subgroups are included.', related_name='+', to='stakeholders.stakeholdergroup'),
        ),
        migrations.AddField(
            model_name='notificationdefinition',
            name='groups',
            field=models.ManyToManyField(blank=True, help_text='Leave empty for every group that covers what is affected.', related_name='+', to='stakeholders.stakeholdergroup'),
        ),
        migrations.CreateModel(
            name='ChangeRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.TextField(help_text='For example: it should cover product C, too.', verbose_name='what should change')),
                ('why', models.TextField(help_text='What is different now, for example: B and C are sold together from May on.')),
                ('due_at', models.DateTimeField(help_text='When the change must be in place.', verbose_name='needed by')),
                ('state', models.CharField(choices=[('submitted', 'waiting for an answer'), ('accepted', 'accepted'), ('done', 'done'), ('declined', 'declined')], default='submitted', editable=False, max_length=9)),
                ('requested_at', models.DateTimeField(editable=False)),
                ('answered_at', models.DateTimeField(editable=False, null=True)),
                ('reason', models.CharField(blank=True, help_text='Needed to decline. The person who asked reads it.', max_length=300, verbose_name='reason for declining')),
                ('before', models.JSONField(default=dict, editable=False)),
                ('told', models.JSONField(default=dict, editable=False)),
                ('told_at', models.DateTimeField(editable=False, null=True)),
                ('told_names', models.TextField(blank=True, editable=False)),
                ('effective_at', models.DateTimeField(editable=False, null=True)),
                ('answered_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='change_requests', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(blank=True, help_text='The group to change. Leave empty for a new one; once it exists, choose it here.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='change_requests', to='stakeholders.stakeholdergroup')),
            ],
            options={
                'ordering': ('due_at', 'pk'),
                'indexes': [models.Index(condition=models.Q(('state__in', ('submitted', 'accepted'))), fields=['due_at'], name='change_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('effective_at__isnull', False), ('told_at__isnull', False)), _connector='OR'), name='change_done_after_telling', violation_error_message='The people on call must be told first.'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'declined'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='change_declined_with_reason', violation_error_message='Give the reason for declining.')],
            },
        ),
        migrations.CreateModel(
            name='DefinitionWording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], help_text='Goes to readers who chose it. Everybody else is told in English.', max_length=10)),
                ('title', models.CharField(blank=True, help_text='The title in this language. You need to write it only once.', max_length=200)),
                ('text', models.TextField(help_text='What is affected, who notices it and what you are doing.')),
                ('definition', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wordings', to='stakeholders.notificationdefinition')),
                ('ring', models.ForeignKey(blank=True, help_text='The ring that reads it. Leave empty for every ring without a wording of its own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stakeholders.stakeholderring')),
            ],
            options={
                'ordering': ('pk',),
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('ring__isnull', False), models.Q(('language', 'en'), _negated=True), _connector='OR'), name='definitionwording_is_another', violation_error_message='The English words are those above: choose another language.'), models.UniqueConstraint(fields=('definition', 'ring', 'language'), name='one_definition_wording', nulls_distinct=False, violation_error_message='There is already a wording in this language.'), models.CheckConstraint(condition=models.Q(('language', 'en'), models.Q(('title', ''), _negated=True), _connector='OR'), name='definition_wording_title', violation_error_message='In another language, the title is needed, too.')],
            },
        ),
        migrations.CreateModel(
            name='Bracket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('open', 'told'), ('closed', 'was told that it is over'), ('not_needed', 'not needed')], default='waiting', max_length=10)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('opened_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('outage', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='brackets', to='stakeholders.outage')),
                ('ring', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='brackets', to='stakeholders.stakeholderring')),
            ],
            options={
                'ordering': ('ring__number',),
                'constraints': [models.UniqueConstraint(fields=('outage', 'ring'), name='one_bracket_a_ring')],
            },
        ),
        migrations.CreateModel(
            name='Subscriber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], default='en', max_length=10)),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC')),
                ('quiet_from', models.TimeField(blank=True, null=True)),
                ('quiet_until', models.TimeField(blank=True, null=True)),
                ('recipient', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='subscriber', to='dispatching.recipient')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_until__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='quiet_hours_whole', violation_error_message='Quiet hours need both a beginning and an end.')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('asked', 'asked, not confirmed yet'), ('active', 'active'), ('ended', 'ended')], default='asked', max_length=6)),
                ('deployments', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
                ('products', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
                ('kinds', models.CharField(choices=[('all', 'every message'), ('ends', 'only the first and the last message of an outage')], default='all', max_length=4)),
                ('least_priority', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)])),
                ('asked_at', models.DateTimeField()),
                ('asked_from', models.CharField(blank=True, help_text='How it was requested: form, login, invitation …', max_length=100)),
                ('consent', models.CharField(blank=True, max_length=20)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('end_reason', models.CharField(blank=True, max_length=100)),
                ('contact_point', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='dispatching.contactpoint')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='stakeholders.stakeholdergroup')),
                ('invited_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('pk',),
                'permissions': (('import_subscription', 'Can import subscribers from a file'), ('export_subscription', 'Can export subscribers with their addresses')),
                'indexes': [models.Index(condition=models.Q(('state', 'active')), fields=['group', 'contact_point'], name='subscription_active'), models.Index(condition=models.Q(('state', 'asked')), fields=['asked_at'], name='subscription_asked')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('contact_point', 'group'), name='one_subscription_a_group'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'ended'), models.Q(('end_reason', ''), _negated=True)), models.Q(models.Q(('state', 'ended'), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='subscription_ended_with_reason'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'active'), _negated=True), ('confirmed_at__isnull', False), _connector='OR'), name='subscription_active_if_confirmed')],
            },
        ),
        migrations.CreateModel(
            name='Update',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('announcement', 'announcement'), ('progress', 'update'), ('end', 'end'), ('correction', 'correction')], max_length=12)),
                ('text', models.TextField(help_text='What is affected, who notices it and what you are doing.')),
                ('done', models.TextField(blank=True, help_text='At the end: what was done.')),
                ('remains', models.TextField(blank=True, help_text='At the end: what is still to come.')),
                ('next_update_by', models.DateTimeField(blank=True, null=True)),
                ('late_reason', models.CharField(blank=True, help_text='Why the next message comes later than the priority says.', max_length=200)),
                ('mode', models.CharField(choices=[('manual', 'by hand'), ('semi', 'by a definition, to be announced by hand'), ('auto', 'by a definition, announced automatically')], default='manual', max_length=6)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('outage', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='stakeholders.outage')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'announcement')), fields=('outage',), name='one_announcement_an_outage'), models.UniqueConstraint(condition=models.Q(('kind', 'end')), fields=('outage',), name='one_end_an_outage'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ('announcement', 'progress')), ('next_update_by__isnull', False)), models.Q(('kind', 'end'), ('next_update_by__isnull', True)), ('kind', 'correction'), _connector='OR'), name='promise_in_all_but_the_last', violation_error_message='Say when the next message comes. Only the last message needs no time.')],
            },
        ),
        migrations.CreateModel(
            name='TeamTold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('names', models.TextField(blank=True)),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='told', to='stakeholders.schedulesubscription')),
                ('update', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams_told', to='stakeholders.update')),
            ],
            options={
                'ordering': ('pk',),
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('update', 'subscription'), name='update_once_a_schedule')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], default='en', max_length=10)),
                ('audience', models.JSONField(default=list)),
                ('planned_up_to', models.BigIntegerField(default=0)),
                ('planned', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('planned_at', models.DateTimeField(null=True)),
                ('bracket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='stakeholders.bracket')),
                ('content', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='message', to='dispatching.content')),
                ('update', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='stakeholders.update')),
            ],
            options={
                'ordering': ('pk',),
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='message_due')],
                'constraints': [models.UniqueConstraint(fields=('update', 'bracket', 'language'), name='one_message_a_ring_and_language')],
            },
        ),
        migrations.CreateModel(
            name='UpdateWording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], help_text='Goes to readers who chose it. Everybody else is told in English.', max_length=10)),
                ('title', models.CharField(blank=True, help_text='The title in this language. You need to write it only once.', max_length=200)),
                ('text', models.TextField(help_text='What is affected, who notices it and what you are doing.')),
                ('done', models.TextField(blank=True, help_text='At the end: what was done.')),
                ('remains', models.TextField(blank=True, help_text='At the end: what is still to come.')),
                ('late_reason', models.CharField(blank=True, help_text='Why the next message comes later than usual.', max_length=200)),
                ('ring', models.ForeignKey(blank=True, help_text='The ring that reads it. Leave empty for every ring without a wording of its own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stakeholders.stakeholderring')),
                ('update', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wordings', to='stakeholders.update')),
            ],
            options={
                'ordering': ('pk',),
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('ring__isnull', False), models.Q(('language', 'en'), _negated=True), _connector='OR'), name='updatewording_is_another', violation_error_message='The English words are those above: choose another language.'), models.UniqueConstraint(fields=('update', 'ring', 'language'), name='one_wording_a_ring_and_language', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Match',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='matches', to='dispatching.alert')),
                ('definition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='stakeholders.notificationdefinition')),
                ('outage', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='stakeholders.outage')),
            ],
            options={
                'verbose_name_plural': 'matches',
                'ordering': ('pk',),
                'constraints': [models.UniqueConstraint(fields=('definition', 'alert'), name='matched_once')],
            },
        ),
        migrations.AddIndex(
            model_name='outage',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='outage_due'),
        ),
        migrations.AddConstraint(
            model_name='outage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', True), ('ended_at__isnull', False), ('next_update_by__isnull', True), ('state', 'ended')), models.Q(('ended_at__isnull', True), ('state', 'open')), _connector='OR'), name='outage_ended_is_quiet'),
        ),
        migrations.AddConstraint(
            model_name='outage',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('declared_at')), _connector='OR'), name='outage_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='notificationdefinition',
            constraint=models.UniqueConstraint(fields=('name', 'version'), name='definition_version_once'),
        ),
        migrations.AddConstraint(
            model_name='notificationdefinition',
            constraint=models.CheckConstraint(condition=models.Q(('repeats__gte', 1)), name='definition_repeats_at_least_once', violation_error_message='There must be at least one alert.'),
        ),
    ]
